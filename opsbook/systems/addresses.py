"""Addresses: of a name, and of the host itself."""

from __future__ import annotations

import ipaddress
import json

from opsbook.host import Read, Result
from opsbook.shell import cmd

NOT_FOUND = 2       # getent's exit code
OUTSIDER, OUTSIDER_V6 = "203.0.113.1", "2001:db8::1"    # nobody's, kept for documents: what is done with them is done with everybody


def addresses_of(name: str) -> Read[tuple[str, ...]]:
    """The addresses that the host finds for a name; none for one that it does not know."""
    return Read(cmd("getent", "ahosts", "--", name), parse_addresses, answers=frozenset({0, NOT_FOUND}))


def own_ipv6() -> Read[tuple[str, ...]]:
    """The host's IPv6 addresses by which others can reach it from beyond its own link."""
    return Read(cmd("ip", "-json", "-6", "address", "show", "scope", "global"), parse_own)


def own() -> Read[tuple[str, ...]]:
    """The host's addresses of both families, but for those of a link or of the host alone."""
    return Read(cmd("ip", "-json", "address", "show", "scope", "global"), parse_own)


def parse_addresses(result: Result) -> tuple[str, ...]:
    """Given lines that begin with an address, return each address once."""
    return tuple(dict.fromkeys(str(ipaddress.ip_address(line.split()[0])) for line in result.out.splitlines() if line.strip()))


def parse_own(result: Result) -> tuple[str, ...]:
    """Given the output of `ip -json address show`, return the addresses."""
    links = json.loads(result.out or "[]")
    return tuple(info["local"] for link in links for info in link.get("addr_info") or () if "local" in info)
