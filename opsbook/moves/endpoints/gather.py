"""Find out everything about the public sites: from outside, on the host itself, and from Caddy."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opsbook.errors import CommandFailed, Refused, UsageError
from opsbook.host import Host
from opsbook.inventory import Site
from opsbook.moves import services, vantage
from opsbook.moves.endpoints import asking
from opsbook.moves.endpoints.facts import CADDYFILE, Facts, SiteSeen
from opsbook.moves.endpoints.homes import Homes, ask_seat, homes_of
from opsbook.moves.endpoints.loopback import shown_here
from opsbook.moves.password.front import expect_accepted, front
from opsbook.moves.stored_certificates import store
from opsbook.shell import Secret
from opsbook.systems import acme, dns, docker, pem
from opsbook.systems.caddy import Caddy, Sites
from opsbook.systems.container import Container
from opsbook.systems.dotenv import env_file
from opsbook.systems.together import together

OUTSIDE, CADDY = "outside", "caddy"
AT_ONCE = 6


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
    host.recall(docker.containers(host.stack.project))      # once, before many need it side by side
    homes = homes_of(host, seat)
    told, failed = _asked({
        "seen": lambda: _seen(host, seat, sites, homes, passwords),
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
        address=homes.peers,
        ours=homes.ours,
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


def _seen(
    host: Host, seat: Host, sites: tuple[Site, ...], homes: Homes, passwords: Mapping[str, Secret]
) -> tuple[SiteSeen, ...]:
    """Return what is seen of the sites, each asked at the address that DNS gives where that is the host's, else where peers find it."""
    at = dict.fromkeys((site.name for site in sites), homes.peers)
    if homes.several:
        meant = ask_seat(host, seat, together([dns.resolve(site.name) for site in sites]))
        at = {site.name: homes.choose(found.addresses) for site, found in zip(sites, meant, strict=True)}
    return ask_seat(host, seat, asking.seen(sites, at, passwords))


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


def _loops(address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address).is_loopback
