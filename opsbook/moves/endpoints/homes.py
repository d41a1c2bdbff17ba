"""Where a host is at home: at which of its addresses its sites are asked, and to which of them DNS may lead."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from opsbook.errors import CommandFailed, ConnectionLost, HostKeyChanged, HostKeyUnknown, Unreachable
from opsbook.host import Host, Read
from opsbook.moves import vantage
from opsbook.systems import addresses, dns

T = TypeVar("T")


@dataclass(frozen=True)
class Homes:
    """Where a host is at home: the address by which its peers know it, what that means, and all that are the host's."""

    peers: str
    meant: frozenset[str]
    ours: frozenset[str]

    @property
    def several(self) -> bool:
        """Return whether it has another IPv4 address than its peers know."""
        return any(map(_is_ipv4, self.ours - self.meant))

    def choose(self, found: tuple[str, ...]) -> str:
        """Given what a name means, return where to ask for it."""
        ours = [one for one in found if one in self.ours and _is_ipv4(one)]
        return self.peers if not ours or self.meant.intersection(ours) else ours[0]


def homes_of(host: Host, seat: Host) -> Homes:
    """Return where the host is at home, as far as can be told; raise Refused where nobody knows its address."""
    known = vantage.address(host)
    meant = _plain(_meant(host, seat, known))
    try:
        own = host.read(addresses.own())
    except CommandFailed:
        own = ()
    return Homes(known, meant, meant | _plain(_of_login(host, seat, known)) | _plain(filter(_for_all, own)))


def ask_seat(host: Host, seat: Host, question: Read[T]) -> T:
    """Ask the seat; raise CommandFailed where it cannot be asked, which is no loss of the host, unless that is the seat itself."""
    try:
        return seat.read(question)
    except (HostKeyChanged, HostKeyUnknown):
        raise
    except (Unreachable, ConnectionLost) as error:
        if seat is host:
            raise
        look = error.next or f"opsbook doctor {seat.name}"
        raise CommandFailed(f"{seat.name} cannot be asked: {error.what}", saw=error.saw, next=look) from None


def _meant(host: Host, seat: Host, name: str) -> tuple[str, ...]:
    try:
        return ask_seat(host, seat, dns.resolve(name)).addresses
    except CommandFailed:
        return ()       # whoever asks it for the sites hears why


def _of_login(host: Host, seat: Host, known: str) -> tuple[str, ...]:
    """Return the addresses under which we log in, which may be public where `known` is one of a private net; not a loopback."""
    name = host.entry.address
    if name is None or name == known:
        return ()
    found = (name,) if _is_address(name) else _meant(host, seat, name)
    return tuple(one for one in found if not ipaddress.ip_address(one).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _for_all(address: str) -> bool:
    """Return whether the world may come to it: of IPv4, what lies in a private net is a bridge of Docker's or a VPN."""
    return not _is_ipv4(address) or ipaddress.ip_address(address).is_global


def _is_ipv4(address: str) -> bool:
    return ipaddress.ip_address(address).version == 4  # noqa: PLR2004


def _plain(found: Iterable[str]) -> frozenset[str]:
    return frozenset(str(ipaddress.ip_address(one)) for one in found)
