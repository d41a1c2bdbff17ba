"""Which kernel features a lab needs, and which of them this machine lacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from opsbook.lab.docker import LabError, attempt

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 1024       # of inotify instances: the systemd of each server takes four or five, and 128 is usual

# Run where the lab's hosts will run, with their capabilities: only that tells the truth of a nested Docker.
PROBE = """
grep -qw overlay /proc/filesystems || echo overlay filesystem
ip link add lab-br type bridge 2>/dev/null || echo bridge interfaces
ip link add lab-ve type veth 2>/dev/null || echo veth interfaces
iptables -t nat -L -n >/dev/null 2>&1 || echo iptables nat table
grep -q ' /sys/fs/cgroup' /proc/mounts || echo control groups
mount -t tmpfs none /mnt 2>/dev/null || echo mounting inside a container
"""


def confirm(arguments: tuple[str, ...], image: str) -> None:
    """Refuse by name what would otherwise show up later as a strange error."""
    run = ("run", "--rm", "--network=none", *arguments, "--entrypoint", "/bin/sh", image, "-c", PROBE)
    done = attempt(*run, within=60)
    missing = [line for line in done.stdout.decode().splitlines() if line]
    if done.returncode or missing:
        saw = "missing: " + ", ".join(missing) if missing else done.stderr.decode().strip()
        raise LabError("this machine's kernel cannot carry a lab", saw=saw, next="use a machine or kernel that has them")


def suspects(filesystems: Path = Path("/proc/filesystems"), groups: Path = Path("/proc/cgroups")) -> list[str]:
    """Name what keeps an engine from starting here, as far as /proc tells."""
    found = []
    if "overlay" not in filesystems.read_text().split():
        found.append("the kernel has no overlay filesystem")
    if not groups.exists():
        found.append("the kernel has no control groups")
    elif not any(Path("/sys/fs/cgroup").iterdir()):
        found.append("no control groups are mounted at /sys/fs/cgroup")
    return found


def make_room(progress: Callable[[str], None], limit: Path = INSTANCES) -> None:
    """Raise the limit that keeps a further server's systemd from starting; where we may not, say what to type if one does not boot."""
    now = int(limit.read_text())
    if now >= ENOUGH:
        return
    try:
        limit.write_text(f"{ENOUGH}\n")
    except OSError:
        progress(f"fs.inotify.max_user_instances is {now}; should a server not boot: sudo sysctl fs.inotify.max_user_instances={ENOUGH}")
    else:
        progress(f"fs.inotify.max_user_instances: raised from {now} to {ENOUGH}, each server takes some")
