"""Faults of what runs on a host: services, the engine, the disk."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.errors import UsageError
from opsbook.lab.faults.actions import healthy, name, run
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.stack import CHECKOUT
from opsbook.lab.state import Injected
from opsbook.lab.wait import until

# A copy of the folder on a small file system of its own, mounted over it and filled: the machine's own disk is never touched,
# and taking the mount away brings the folder back as it was.
FILL = """
mountpoint --quiet "$1" && exit
size=$(($(du --summarize --block-size=1K "$1" | cut -f1) + 1024))
fresh=$(mktemp --directory /run/lab-full.XXXXXX)
mount -t tmpfs -o "size=${size}k,mode=$(stat --format=%a "$1")" lab-full "$fresh"
cp --archive "$1/." "$fresh/"
chown --reference="$1" "$fresh"
mount --move "$fresh" "$1"
rmdir "$fresh"
filler=$1/.lab-full
if [ -d "$1/.git" ]; then filler=$1/.git/lab-full; fi # a checkout stays clean
cat /dev/zero > "$filler" 2>/dev/null || true
"""
EMPTY = """
for point in $(awk '$1 == "lab-full" { print $2 }' /proc/mounts); do umount --lazy "$point"; done
"""
STARTING = "docker ps --filter health=starting --format '{{.Names}}'"
NEVER = ("/", "/var/lib/docker", "/var", "/etc", "/usr", "/run", "/home")


def stop_prometheus(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Stop its container."""
    run(lab, 'docker stop "$1"', name("prometheus"))
    return {}


def start_prometheus(lab: Lab, _: Injected) -> None:
    """Start it and wait until it is well."""
    run(lab, 'docker start "$1"', name("prometheus"))
    healthy(lab, "prometheus")


def stop_docker(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Stop the engine and the socket that would start it again."""
    run(lab, "systemctl stop docker.socket docker.service")
    return {}


def start_docker(lab: Lab, _: Injected) -> None:
    """Start the engine, which starts the services that ran, and wait until none of them is starting any more."""
    run(lab, "systemctl reset-failed docker.socket docker.service; systemctl start docker.socket docker.service")
    healthy(lab, "prometheus")
    until("all services have started", lambda: not run(lab, STARTING).strip(), within=60, saw=lambda: run(lab, STARTING))


def fill_disk(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Fill the file system that a folder is on, after giving it one of its own."""
    run(lab, FILL, args[0] if args else CHECKOUT)
    return {}


def may_fill(_: Lab, args: tuple[str, ...]) -> None:
    """Refuse a folder that the host cannot do without."""
    if args and args[0].rstrip("/") in (one.rstrip("/") for one in NEVER):
        raise UsageError(f"disk-full never fills {args[0]}", next=f"opsbook lab break disk-full {CHECKOUT}")


def empty_disk(lab: Lab, _: Injected) -> None:
    """Take the small file system away."""
    run(lab, EMPTY)


FAULTS = (
    Fault("prometheus-down", "Prometheus's container is stopped", stop_prometheus, start_prometheus),
    Fault("docker-down", "the Docker Engine of the server is stopped", stop_docker, start_docker),
    Fault(
        "disk-full",
        "the file system of a folder is full",
        fill_disk,
        empty_disk,
        "[PATH]",
        most=1,
        usual=(CHECKOUT,),
        confirm=may_fill,
    ),
)
