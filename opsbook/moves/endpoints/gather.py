"""Find out everything about the public sites: from outside, on the host itself, and from Caddy."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from opsbook.errors import CommandFailed, ConnectionLost, Refused, Unreachable, UsageError
from opsbook.host import Host, Read
from opsbook.inventory import Site
from opsbook.moves import certificate_store as store
from opsbook.moves import services, vantage
from opsbook.moves.endpoints import asking
from opsbook.moves.endpoints.facts import CADDYFILE, Facts, SiteSeen
from opsbook.moves.endpoints.loopback import shown_here
from opsbook.moves.password.front import expect_accepted, front
from opsbook.shell import Secret
from opsbook.systems import acme, addresses, dns, docker, pem
from opsbook.systems.caddy import Caddy, Sites
from opsbook.systems.container import Container
from opsbook.systems.dotenv import env_file
from opsbook.systems.together import together

T = TypeVar("T")
NONE = frozenset[str]()
OUTSIDE, CADDY = "outside", "caddy"
AT_ONCE = 6


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


def expect_sites(host: Host) -> tuple[Site, ...]:
    """Return the public sites of the host's stack; raise Refused where the inventory names none."""
    if not host.stack.sites:
        fix = f"stacks.{host.stack.name}.sites in the inventory: {{NAME: {{service: …, username: …, password_key: …}}}}"
        raise Refused("the inventory names no public site of this stack", next=fix, host=host.name)
    return host.stack.sites


def gather(host: Host, *, from_within: bool = True) -> Facts:
    """Return what is known; without a host outside, the host itself is asked where that is allowed, else Refused is raised."""
    sites, seat = expect_sites(host), _seat(host, from_within=from_within)
    passwords, why = passwords_of(host, sites)
    address = vantage.address(host)
    host.recall(docker.containers(host.stack.project))      # once, before many need it side by side
    known, _ = _asked({
        "peers": lambda: _from(seat, dns.resolve(address)).addresses,
        "login": lambda: _of_login(host, seat, address),
        "own": lambda: tuple(filter(_for_all, host.read(addresses.own()))),
    })  # fmt: skip
    ours = {name: frozenset(map(_plain, found)) for name, found in known.items()}
    told, failed = _asked({
        "seen": lambda: _seen(seat, sites, Homes(address, ours.get("peers", NONE), NONE.union(*ours.values())), passwords),
        "loopback": lambda: shown_here(host),
        "container": lambda: services.container(host, CADDY),
        "names": lambda: _running(host),
        "authorities": lambda: {url: host.read(acme.directory(url)) for url in host.read(acme.authorities(CADDY))},
        "kept": lambda: pem.leaves(host.read(store.folder(host).chains())),
        CADDYFILE: lambda: expect_accepted(host, front(host)),
    })  # fmt: skip
    found: Container | None = told.get("container")
    return Facts(
        entry=host.entry,
        now=host.now(),
        seat=seat.name,
        outside=seat.name != host.name,
        address=address,
        ours=NONE.union(*ours.values()),
        sites=told["seen"],
        own=told.get("loopback", {}),
        caddy="" if found is not None and found.running else found.state if found is not None else "no container",
        published=tuple(sorted({port.public for port in found.ports if not _loops(port.address)})) if found is not None else (),
        served=told.get("names"),
        kept=told.get("kept"),
        authorities=told.get("authorities", {}),
        why={**why, **failed},
    )


def passwords_of(host: Host, sites: tuple[Site, ...]) -> tuple[dict[str, Secret], dict[str, str]]:
    """Return the sites' passwords by the site's name, and for those without one the reason; the mask learns them."""
    path, wanted = f"{host.stack.directory}/{host.stack.env_file}", [site for site in sites if site.password_key is not None]
    known = (host.read(env_file(path)) if wanted else None) or {}
    found = {site.name: known[site.password_key] for site in wanted if site.password_key is not None and known.get(site.password_key)}
    host.mask.learn(found.values())
    missing = {site.name: f"{path} has no {site.password_key}" for site in wanted if site.name not in found}
    return {name: Secret(value) for name, value in found.items()}, missing


def _seat(host: Host, *, from_within: bool) -> Host:
    """Return the host from which the sites are asked."""
    try:
        seat = vantage.witness(host, OUTSIDE)
    except Refused:
        if not from_within:
            raise
        return host
    if seat.name == host.name and not from_within:
        fix = f"roles: [{OUTSIDE}] for another host of the inventory"
        raise Refused("a host does not see itself from outside", saw=f"{host.name} has that role", next=fix, host=host.name)
    return seat


def _of_login(host: Host, seat: Host, known: str) -> tuple[str, ...]:
    """Return the addresses under which we log in, which may be public where `known` is one of a private net; not a loopback."""
    name = host.entry.address
    if name is None or name == known:
        return ()
    found = (name,) if _is_address(name) else _from(seat, dns.resolve(name)).addresses
    return tuple(one for one in found if not ipaddress.ip_address(one).is_loopback)


def _seen(seat: Host, sites: tuple[Site, ...], homes: Homes, passwords: Mapping[str, Secret]) -> tuple[SiteSeen, ...]:
    """Return what is seen of the sites, each asked at the address that DNS gives where that is the host's, else where peers find it."""
    at = dict.fromkeys((site.name for site in sites), homes.peers)
    if homes.several:
        meant = _from(seat, together([dns.resolve(site.name) for site in sites]))
        at = {site.name: homes.choose(found.addresses) for site, found in zip(sites, meant, strict=True)}
    return _from(seat, asking.seen(sites, at, passwords))


def _from(seat: Host, question: Read[T]) -> T:
    """Ask the seat; raise CommandFailed where it cannot be asked, which is no loss of the host that we work on."""
    try:
        return seat.read(question)
    except (Unreachable, ConnectionLost) as error:
        raise CommandFailed(f"{seat.name} cannot be asked: {error.what}", saw=error.saw, next=f"opsbook doctor {seat.name}") from None


def _running(host: Host) -> tuple[str, ...]:
    sites: Sites = host.read(Caddy(CADDY).sites())
    return sites.names


def _asked(questions: dict[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask them side by side; return the answers, and for those without one the reason. What the seat says is not to be missed."""
    told, why = dict[str, Any](), dict[str, str]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="endpoints") as pool:
        futures = {name: pool.submit(question) for name, question in questions.items()}
        for name, future in futures.items():
            try:
                told[name] = future.result()
            except (CommandFailed, Refused, UsageError) as error:
                if name == "seen":
                    raise
                why[name] = next(iter(error.saw.strip().splitlines()), "") or error.what
    return told, why


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


def _plain(address: str) -> str:
    return str(ipaddress.ip_address(address))


def _loops(address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address).is_loopback
