"""Scrapes of a service that work: that they go on after a change says that Prometheus gets in as before, and trusts what it is shown."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves.working import ITSELF, PROMETHEUS
from opsbook.systems.prometheus_state import Target

SCRAPED, SINCE = "scraped_before", "in_effect_since"


def remember(host: Host, services: Collection[str]) -> None:
    """Keep which scrapes of these services work now; a rerun keeps what the first run saw."""
    if SCRAPED not in host.run.kept:
        host.keep(**{SCRAPED: [one.url for one in found(host, services) if one.health == "up"]})


def from_now_on(host: Host) -> None:
    """Count only scrapes that come later."""
    host.keep(**{SINCE: host.now()})


def go_on(host: Host) -> Seen:
    """Prometheus gets in wherever it did before, in a scrape that came after the change."""
    since, wanted = host.run.kept.get(SINCE, host.run.started), host.run.kept.get(SCRAPED, ())
    now = {one.url: one for one in _targets(host)} if wanted else {}
    bad = [url for url in wanted if url not in now or now[url].health != "up" or now[url].scraped < since]
    told = [f"{url}: {now[url].error or 'not scraped since'}" if url in now else f"{url} is no target any more" for url in bad]
    saw = "\n".join(told) or f"{counted(len(wanted), 'target')} scraped since"
    return Seen(not bad, saw=saw, next=f"opsbook logs {PROMETHEUS.service} {host.name}")


def found(host: Host, services: Collection[str]) -> list[Target]:
    """Return the targets of the stack's Prometheus that are these services; none where there is no Prometheus that answers."""
    names = {*services, *(ITSELF if PROMETHEUS.service in services else ())}
    return [one for one in _targets(host) if urlsplit(one.url).hostname in names]


def _targets(host: Host) -> tuple[Target, ...]:
    if PROMETHEUS.service not in {one.name for one in host.stack.services}:
        return ()
    try:
        return host.read(PROMETHEUS.targets())
    except CommandFailed:
        return ()
