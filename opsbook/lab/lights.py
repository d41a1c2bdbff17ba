"""Light hosts: many addresses of this machine's loopback, and one container that plays a small server at each."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from opsbook.errors import UsageError
from opsbook.lab import furnish, keys
from opsbook.lab.containers import Box, make, reusable
from opsbook.lab.docker import attempt, removed
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.placing import digest, tar, text
from opsbook.lab.wait import until

NAME = "light"
PORT = 22022
MOST = 1000
A_BLOCK = 250  # addresses that share the first three bytes
DOOR = Path(__file__).parent / "door.py"
ARGUMENTS = ("--init", "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--tmpfs=/light")


@dataclass(frozen=True)
class OnTheMachine(Box):
    """A container that shares the machine's network: its ports are loopback's own, and need no proxy each."""

    def network(self, _: Lab) -> tuple[str, ...]:
        """Return the arguments that connect it."""
        return ("--network=host",)


def names(count: int) -> tuple[str, ...]:
    """Name that many light hosts."""
    return tuple(f"{NAME}{number:03}" for number in range(1, count + 1))


def addresses(subnet: str, count: int) -> tuple[str, ...]:
    """Return their addresses, which no other lab has: a lab's subnet tells them apart."""
    own = ipaddress.IPv4Network(subnet)[0].packed[2]
    return tuple(f"127.{64 + number // A_BLOCK}.{own}.{number % A_BLOCK + 1}" for number in range(count))


def confirm(count: int | None) -> None:
    """Refuse a number that cannot be."""
    if count is not None and not 0 <= count <= MOST:
        raise UsageError(f"--scale takes 0 to {MOST} light hosts", saw=str(count))


def lights(lab: Lab, image: str, subnet: str, count: int, progress: Progress) -> None:
    """Bring that many light hosts up; none takes their container away."""
    if not count:
        removed("container", [lab.container(NAME)] if condition(lab) != "absent" else [])
        return
    keys.keys(lab, (NAME,))
    files = (*furnish.light_files(lab), text("/opt/door.py", DOOR.read_text()))
    command = ("-c", 'mkdir -p /run/sshd && exec python3 /opt/door.py "$@"', "door", str(PORT), *addresses(subnet, count))
    box = OnTheMachine(NAME, image, (*ARGUMENTS, "--entrypoint=/bin/sh"), command, digest(files))
    if reusable(lab, box):
        progress(f"{count} light hosts: reused")
    else:
        make(lab, box, tar(files))
        progress(f"{count} light hosts: made")
    until("the light hosts listen", lambda: f"{count} servers listen" in log(lab), within=30, saw=lambda: log(lab))


def log(lab: Lab) -> str:
    """Return what their container said."""
    done = attempt("logs", lab.container(NAME))
    return (done.stdout + done.stderr).decode(errors="replace")


def condition(lab: Lab) -> str:
    """Return the state of their container."""
    shown = attempt("container", "inspect", "--format={{.State.Status}}", lab.container(NAME))
    return "absent" if shown.returncode else shown.stdout.decode().strip()
