"""Whether each service of the stack does its work, which is more than that it lives. A service that the stack lacks is not asked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.host import Host, Read
from opsbook.moves import sending
from opsbook.systems import clock
from opsbook.systems.answers import nothing, text
from opsbook.systems.caddy import Caddy
from opsbook.systems.loki import Loki
from opsbook.systems.metrics import metric
from opsbook.systems.prometheus import Prometheus
from opsbook.systems.prometheus_state import Target
from opsbook.systems.thanos import SEES_PROMETHEUS, Thanos
from opsbook.web import Request

PROMETHEUS, LOKI, CADDY = Prometheus(), Loki(), Caddy()
SIDECAR, QUERY = Thanos("thanos-sidecar"), Thanos("thanos-query")
BLACKBOX = "blackbox-exporter"
FOUND_WITHIN, LOOK_EVERY, HOUR = 10.0, 0.2, 3600
ITSELF = frozenset({"localhost", "127.0.0.1"})


def rules_are_loaded(host: Host) -> Seen:
    """Prometheus runs the rules that its configuration names."""
    patterns, groups = host.read(PROMETHEUS.config()).rule_files, host.read(PROMETHEUS.rules())
    count = sum(len(group.rules) for group in groups)
    files = len({group.file for group in groups})
    saw = f"{counted(count, 'rule')} from {counted(files, 'file')}" if patterns else "its configuration names no rule file"
    return Seen(count > 0 or not patterns, saw, next=f"opsbook reload-rules {host.name}")


def targets_are_up(host: Host) -> Seen:
    """Prometheus scrapes every service of the stack; other servers that are down are named, but not held against the stack."""
    own = {service.name for service in host.stack.services} | ITSELF
    targets = host.read(PROMETHEUS.targets())
    down = [target for target in targets if target.health != "up"]
    ours = [target for target in targets if urlsplit(target.url).hostname in own]
    bad = [target for target in down if target in ours]
    saw = "\n".join(_down(target, outside=target not in bad) for target in down) or counted(len(targets), "target")
    return Seen(bool(ours) and not bad, saw if targets else "no target at all", next=f"opsbook logs prometheus {host.name}")


def loki_finds_a_new_line(host: Host) -> Seen:
    """Loki takes a line and finds it again."""
    if host.run.plan:
        return Seen(ok=True, saw="a plan sends no test line")
    line, labels, now = str(uuid.uuid4()), {"job": "opsbook"}, host.read(clock.now())
    push = LOKI.push(labels, line, now)
    assert isinstance(push.do, Request)     # noqa: S101  Loki takes lines by HTTP
    host.read(Read(push.do, nothing))       # a line of ours, which nobody runs: no change of the host
    until = host.clock() + FOUND_WITHIN
    while line not in host.read(LOKI.lines(labels, now - HOUR, now + HOUR)):
        if host.clock() >= until:
            return Seen(ok=False, saw=f"taken, but not found within {FOUND_WITHIN:g} s", next=f"opsbook logs loki {host.name}")
        host.pause(LOOK_EVERY)
    return Seen(ok=True, saw=f"the line {line} came back")


def sidecar_sees_prometheus(host: Host) -> Seen:
    """The Thanos sidecar reaches its Prometheus."""
    up = metric(host.read(SIDECAR.metrics()), SEES_PROMETHEUS)
    return Seen(up == 1, f"{SEES_PROMETHEUS} is {'missing' if up is None else f'{up:g}'}", f"opsbook logs {SIDECAR.service} {host.name}")


def query_has_a_store(host: Host) -> Seen:
    """Thanos Query reaches a store, and none of those it knows has an error."""
    stores = host.read(QUERY.stores())
    saw = "\n".join(f"{store.kind} {store.name}{f': {store.error}' if store.error else ''}" for store in stores)
    good = bool(stores) and not any(store.error for store in stores)
    return Seen(good, saw or "it knows no store", next=f"opsbook logs {QUERY.service} {host.name}")


def blackbox_probes(host: Host) -> Seen:
    """The blackbox exporter reaches at least one of the addresses that it watches."""
    watched = [target for target in host.read(PROMETHEUS.targets()) if urlsplit(target.url).hostname == BLACKBOX and _probes(target)]
    failed = []
    for target in watched:
        asked = tuple(parse_qsl(urlsplit(target.url).query))
        if metric(host.read(Read(Request(BLACKBOX, "/probe", asked), text)), "probe_success") == 1:
            return Seen(ok=True, saw=f"{target.instance} answers its probe")
        failed.append(f"{target.instance} fails its probe")
    saw = "\n".join(failed) or "Prometheus asks it for no probe"
    return Seen(not watched, saw, next=f"opsbook logs {BLACKBOX} {host.name}")


def caddy_serves(host: Host) -> Seen:
    """Caddy has a configuration and listens."""
    sites = host.read(CADDY.sites())
    saw = f"{', '.join(sites.names) or 'any name'} on {', '.join(sites.listens) or 'no port'}"
    return Seen(bool(sites.listens), saw, next=f"opsbook logs {CADDY.service} {host.name}")


WORK: Mapping[str, Callable[[Host], Seen]] = {
    "prometheus": rules_are_loaded,
    sending.ALERTMANAGER.service: sending.alerts_find_a_receiver,
    LOKI.service: loki_finds_a_new_line,
    SIDECAR.service: sidecar_sees_prometheus,
    QUERY.service: query_has_a_store,
    sending.PROMTAIL: sending.promtail_sends,
    BLACKBOX: blackbox_probes,
    CADDY.service: caddy_serves,
}


def works(host: Host, services: Iterable[str]) -> Seen:
    """Each of these services that the stack has does its work."""
    here = {service.name for service in host.stack.services}
    seen = {service: WORK[service](host) for service in services if service in here}
    failed = [f"{service}: {one.saw}" for service, one in seen.items() if not one.ok]
    hint = next((one.next for one in seen.values() if not one.ok), "")
    return Seen(not failed, "\n".join(failed or (one.saw for one in seen.values())) or "this stack has none", next=hint)


def _down(target: Target, *, outside: bool) -> str:
    note = "  (not a service of this stack)" if outside else ""
    return f"{target.job} {target.instance} is {target.health}: {target.error or 'not scraped yet'}{note}"


def _probes(target: Target) -> bool:
    return "target=" in urlsplit(target.url).query
