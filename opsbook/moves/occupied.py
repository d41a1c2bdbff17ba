"""Who holds a port that something else shall have, and what frees it."""

from __future__ import annotations

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.systems.root_view import root_view
from opsbook.systems.sockets import Program, program_of
from opsbook.systems.systemd import unit_of

BY_ROOT = "(as root, on the host)"


def holder(host: Host, port: int) -> Program | None:
    """Return which program listens there; nothing where root's part of the host does not tell."""
    try:
        told = host.read(root_view("listening"))["listening"]
    except CommandFailed:
        return None
    return program_of(told.text, "tcp", port)


def freeing(host: Host, port: int, found: Program | None) -> str:
    """Return what to type, or to do, so that the port is free: a service would come back if only its process ended."""
    if found is None:
        return "stop what listens there"
    if found.name == "docker-proxy":
        return f"stop the container that docker ps --filter=publish={port} names"
    unit = host.read(unit_of(found.process))
    service = unit.endswith(".service") and not unit.startswith("user@")
    return f"systemctl disable --now {unit} {BY_ROOT}" if service else f"kill {found.process} {BY_ROOT}"
