"""What a name means to the host that is asked: its addresses of both families, whether that host has IPv6 itself or not."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd

# getent leaves out AAAA records where the host has no IPv6; perl, which every Debian has, asks for what is there.
RESOLVE = """
use Socket qw(:addrinfo SOCK_STREAM);
my ($why, @found) = getaddrinfo($ARGV[0], "", {socktype => SOCK_STREAM});
if ($why) { print "$why\\n"; exit 2 }
foreach (@found) { my ($failed, $address) = getnameinfo($_->{addr}, NI_NUMERICHOST, NIx_NOSERV); print "$address\\n" unless $failed }
"""
NO_SUCH_NAME = 2


@dataclass(frozen=True)
class Resolved:
    """The addresses of a name; without any, the resolver's reason."""

    addresses: tuple[str, ...] = ()
    why: str = ""


def resolve(name: str) -> Read[Resolved]:
    """The addresses that the host finds for a name."""
    return Read(cmd("env", "LC_ALL=C", "perl", "-e", RESOLVE, name), parse_resolved, answers=frozenset(range(256)), within=10)


def parse_resolved(result: Result) -> Resolved:
    """Given one address a line, or a reason, return them."""
    if result.code:
        return Resolved(why=next(iter(result.out.strip().splitlines()), "the resolver gave no answer"))
    found = (str(ipaddress.ip_address(line.partition("%")[0])) for line in result.out.split())
    return Resolved(tuple(dict.fromkeys(found)))
