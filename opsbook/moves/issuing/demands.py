"""What must be so before a certificate is ordered, because an order that fails counts against the sites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opsbook.counted import counted
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.endpoints import layers
from opsbook.moves.endpoints.asking import PLAIN
from opsbook.moves.endpoints.facts import Facts
from opsbook.moves.issuing import counting
from opsbook.moves.issuing.standing import Standing
from opsbook.moves.mounts import container_of
from opsbook.moves.password.front import expect_accepted, front
from opsbook.systems import acme, caddy_log
from opsbook.systems.caddy_log import Entry

CADDY = "caddy"


def expect_a_caddyfile_that_starts(host: Host) -> None:
    """Raise Refused where a new process would not take the Caddyfile on disk: the running one has read an older file, perhaps."""
    found = front(host)
    expect_accepted(host, found)
    host.say(f"Caddy's own image accepts {found.path}")


def expect_the_way_in(host: Host, facts: Facts) -> None:
    """Raise Refused where the authority could not find the host by these names: its validation would fail, and be counted."""
    for seen in facts.sites:
        for layer in (layers.dns(facts, seen), layers.port(facts, seen)):
            if not layer.ok:
                what = f"{seen.site.name}: {layer.name} fails, seen from {facts.seat}"
                raise Refused(what, saw=layer.saw, next=layer.next, host=host.name)
        if seen.ports[PLAIN].kind != "answers":
            saw = f"from {facts.seat}: {seen.address} port {PLAIN} {seen.ports[PLAIN]}"
            fix = f"sudo ufw allow {PLAIN}/tcp    (on {host.name}; and the provider's firewall)"
            raise Refused(f"{seen.site.name}: port {PLAIN} fails", saw=saw, next=fix, host=host.name)
    host.say(f"DNS points here, and ports 80 and 443 answer {facts.seat}")


def expect_an_authority(host: Host) -> tuple[str, ...]:
    """Return the authorities that Caddy asks; raise Refused where none of them answers."""
    known = host.read(acme.authorities(CADDY))
    silent = {url: why for url in known if (why := host.read(acme.directory(url)))}
    if known and len(silent) == len(known):
        saw = "\n".join(f"{url}: {why}" for url, why in silent.items())
        again = f"opsbook {host.run.runbook} {host.name}    (once it answers; what is served stays as it is)"
        raise Refused("no certificate authority answers", saw=saw, next=again, host=host.name)
    answering = [f"{acme.name_of(url)} answers" for url in known if url not in silent]
    host.say(", ".join(answering) or "Caddy signs these certificates itself")
    return known


def expect_room(host: Host, wanted: Sequence[Standing], authorities: Iterable[str], now: float, *, force: bool) -> None:
    """Say how many certificates each site got this week; raise Refused where the authority would give no more."""
    hosts = [acme.name_of(url) for url in authorities]
    log, known = host.read(caddy_log.entries(container_of(host, CADDY).id, now - acme.WEEK)), counting.earlier(host, now)
    host.say(counting.COUNTED)
    for one in wanted:
        given = counting.issues(now, one.name, log, one, known.get(one.name, ()))
        host.say(f"{one.name}: {counted(given, 'certificate')} this week")
        if full := _full(hosts, one, given, log, now):
            if not force:
                raise Refused(f"{one.name}: {full}", saw=counting.COUNTED, next=_later(host), host=host.name)
            host.say(f"--force: {full}")


def _full(hosts: Sequence[str], one: Standing, given: int, log: Sequence[Entry], now: float) -> str:
    """Return why no authority would give one more; nothing where one of them would."""
    failed = counting.failures(now, one.name, log)
    limits = [(acme.DUPLICATES.get(name), acme.FAILURES.get(name)) for name in hosts]
    if limits and all(most is not None and given >= most for most, _ in limits):
        return f"it got {counted(given, 'certificate')} this week, and {hosts[0]} gives {limits[0][0]}"
    if limits and all(most is not None and failed >= most for _, most in limits):
        return f"{counted(failed, 'validation')} of it failed within an hour, and {hosts[0]} bears {limits[0][1]}"
    return ""


def _later(host: Host) -> str:
    return f"opsbook restore-certs BACKUP {host.name}, or wait: the count refills slowly; --force orders all the same"
