"""Ask all sites at once: what the names mean, who answers there, with which certificate, and whom it lets in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsbook.host import Read
from opsbook.inventory import Site
from opsbook.moves.endpoints.facts import SiteSeen
from opsbook.shell import Secret
from opsbook.systems import dns, front_door, reach, tls
from opsbook.systems.together import together

PLAIN = 80
PATIENCE = 5    # seconds of silence at a port


def seen(sites: Sequence[Site], at: Mapping[str, str], passwords: Mapping[str, Secret]) -> Read[tuple[SiteSeen, ...]]:
    """Every site as it is seen at its address, in one round trip; addresses and passwords by the site's name."""
    asked = together([question for site in sites for question in _questions(site, at[site.name], passwords.get(site.name))])
    return Read(asked.ask, lambda result: _parsed(sites, at, asked.parse(result), passwords), stdin=asked.stdin, within=asked.within)


def _questions(site: Site, address: str, password: Secret | None) -> Iterator[Read[Any]]:
    yield dns.resolve(site.name)
    yield reach.dial((address, PLAIN), (address, site.port), within=PATIENCE)
    yield tls.shown(address, site.name, site.port)
    yield front_door.plain_page(site, address)
    yield front_door.page(site, address)
    if password is not None:
        yield front_door.page(site, address, password)


def _parsed(
    sites: Sequence[Site], at: Mapping[str, str], told: Sequence[Any], passwords: Mapping[str, Secret]
) -> tuple[SiteSeen, ...]:
    answers = iter(told)
    return tuple(_site(site, at[site.name], answers, with_password=site.name in passwords) for site in sites)


def _site(site: Site, address: str, answers: Iterator[Any], *, with_password: bool) -> SiteSeen:
    resolved, (plain_port, port) = next(answers), next(answers)
    shown, plain, without = next(answers), next(answers), next(answers)
    allowed = next(answers) if with_password else None
    return SiteSeen(site, address, resolved, {PLAIN: plain_port, site.port: port}, shown, plain, without, allowed)
