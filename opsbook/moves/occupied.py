"""Who holds a port that something else shall have, and what frees it."""

from __future__ import annotations

import re

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.systems.root_view import root_view
from opsbook.systems.sockets import Program, program_of
from opsbook.systems.systemd import socket_units, unit_of

BY_ROOT = "(as root, on the host)"
SYSTEMD = 1     # the process that holds the sockets of units
CONTAINER = re.compile("docker-([0-9a-f]{12})[0-9a-f]{52}[.]scope")


def holder(host: Host, port: int) -> Program | None:
    """Return which program listens there; nothing where root's part of the host does not tell."""
    try:
        told = host.read(root_view("listening"))["listening"]
    except CommandFailed:
        return None
    return program_of(told.text, "tcp", port)


def freeing(host: Host, port: int, found: Program | None) -> str:
    """Return what to type, or to do, so that the port is free: what a unit or Docker has started would come back if only it were killed."""
    if found is None:
        return "stop what listens there"
    if found.name == "docker-proxy":
        return f"stop the container that docker ps --filter=publish={port} names"
    if units := host.read(socket_units(port)):
        return f"systemctl disable --now {' '.join(units)} {BY_ROOT}"
    if found.process == SYSTEMD:
        return f"stop what systemctl list-sockets shows for port {port} {BY_ROOT}"
    return _ending(host.read(unit_of(found.process)), found.process)


def _ending(unit: str, process: int) -> str:
    if container := CONTAINER.fullmatch(unit):
        return f"stop the container that docker ps --filter=id={container[1]} names"
    service = unit.endswith(".service") and not unit.startswith("user@")
    return f"systemctl disable --now {unit} {BY_ROOT}" if service else f"kill {process} {BY_ROOT}"
