"""Sockets on which the host listens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd

USERS = re.compile(r'users:\(\("([^"]+)",pid=(\d+)')
EVERYWHERE = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104  as `ss` writes every address


@dataclass(frozen=True)
class Socket:
    """One of them; an empty address is every address of the host."""

    port: int
    address: str = ""
    protocol: str = "tcp"

    @property
    def loopback(self) -> bool:
        """Return whether only the host itself reaches it."""
        return self.address.startswith("127.") or self.address == "::1"

    def clashes(self, other: Socket) -> bool:
        """Return whether both cannot be had at the same time."""
        same = (self.port, self.protocol) == (other.port, other.protocol)
        return same and (self.address == other.address or not self.address or not other.address)


@dataclass(frozen=True)
class Program:
    """What listens on a port."""

    name: str
    process: int

    def __str__(self) -> str:
        """Return both."""
        return f"{self.name} (process {self.process})"


def listening() -> Read[tuple[Socket, ...]]:
    """Where the host listens."""
    return Read(cmd("ss", "--no-header", "--listening", "--numeric", "--tcp", "--udp"), parse_listening)


def parse_listening(result: Result) -> tuple[Socket, ...]:
    """Given the table of `ss`, return its sockets."""
    rows = (line.split() for line in result.out.splitlines())
    return tuple(dict.fromkeys(_socket(row[0], row[4]) for row in rows if len(row) > 4))     # noqa: PLR2004


def program_of(table: str, protocol: str, port: int) -> Program | None:
    """Given the table of `ss --processes`, as root sees it, return what listens there."""
    for line in table.splitlines():
        row = line.split()
        there = len(row) > 4 and row[0] == protocol and row[4].endswith(f":{port}")     # noqa: PLR2004
        if there and (found := USERS.search(line)):
            return Program(found[1], int(found[2]))
    return None


def _socket(protocol: str, where: str) -> Socket:
    address, _, port = where.rpartition(":")
    bare = address.partition("%")[0].strip("[]")
    return Socket(int(port), "" if bare in EVERYWHERE else bare, protocol)
