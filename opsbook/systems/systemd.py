"""Units of systemd, and whether it keeps the clock right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsbook.host import Read, Result, Write
from opsbook.privileged import UNITS
from opsbook.shell import cmd
from opsbook.systems.answers import is_good, stripped


@dataclass(frozen=True)
class Clock:
    """Whether the host's clock follows a time server, as far as systemd knows."""

    zone: str
    synchronized: bool
    service: bool       # a time service is switched on


def is_active(unit: str) -> Read[bool]:
    """Whether the unit runs; a unit that does not exist does not."""
    return Read(cmd("systemctl", "is-active", "--quiet", "--", unit), is_good, answers=frozenset({0, 3, 4}))


def show(unit: str, *properties: str) -> Read[dict[str, str]]:
    """Properties of the unit, by name."""
    return Read(cmd("systemctl", "show", f"--property={','.join(properties)}", "--", unit), parse_properties)


def unit_of(process: int) -> Read[str]:
    """The unit that the process belongs to; nothing where there is no such process any more."""
    return Read(cmd("ps", "--format", "unit=", "--pid", process), stripped, answers=frozenset({0, 1}))


def socket_units(port: int) -> Read[tuple[str, ...]]:
    """The units by which systemd itself listens on that TCP port, and the services that it starts for it."""

    def parse(result: Result) -> tuple[str, ...]:
        rows = [line.split() for line in result.out.splitlines()]
        ours = [units for where, kind, *units in rows if kind == "Stream" and where.endswith(f":{port}") and not where.startswith("vsock")]
        return tuple(dict.fromkeys(unit for units in ours for unit in units if unit.endswith((".socket", ".service")) and "@." not in unit))

    return Read(cmd("systemctl", "list-sockets", "--no-legend", "--plain", "--full", "--show-types"), parse)


def start(unit: str) -> Write:
    """Start the unit; the program that does it knows docker.service only."""
    return Write(UNITS.run, f"start {unit}", stdin=f"start {unit}\n")


def restart(unit: str) -> Write:
    """Stop and start the unit; the program that does it knows docker.service only."""
    return Write(UNITS.run, f"restart {unit}", stdin=f"restart {unit}\n")


def clock() -> Read[Clock]:
    """Zone and synchronization of the clock."""
    return Read(cmd("timedatectl", "show"), parse_clock)


def parse_properties(result: Result) -> dict[str, str]:
    """Given `Name=value` lines, return them as a mapping."""
    return {name: value for name, _, value in (line.partition("=") for line in result.out.splitlines())}


def parse_clock(result: Result) -> Clock:
    """Given the output of `timedatectl show`, return what it says about synchronization."""
    return clock_of(parse_properties(result))


def clock_of(found: Mapping[str, str]) -> Clock:
    """Given the properties of the clock, return them as a value."""
    return Clock(found.get("Timezone", ""), found.get("NTPSynchronized") == "yes", found.get("NTP") == "yes")
