"""Sockets on which the host listens."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd

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


def listening() -> Read[tuple[Socket, ...]]:
    """Where the host listens."""
    return Read(cmd("ss", "--no-header", "--listening", "--numeric", "--tcp", "--udp"), parse_listening)


def parse_listening(result: Result) -> tuple[Socket, ...]:
    """Given the table of `ss`, return its sockets."""
    rows = (line.split() for line in result.out.splitlines())
    return tuple(dict.fromkeys(_socket(row[0], row[4]) for row in rows if len(row) > 4))     # noqa: PLR2004


def _socket(protocol: str, where: str) -> Socket:
    address, _, port = where.rpartition(":")
    bare = address.partition("%")[0].strip("[]")
    return Socket(int(port), "" if bare in EVERYWHERE else bare, protocol)
