"""Ask everything that triage knows, first what needs nothing but SSH; what does not answer is left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from opsbook import record
from opsbook.errors import CommandFailed, Refused
from opsbook.findings.lines import quoted
from opsbook.host import Host, Read
from opsbook.moves import services
from opsbook.moves.triage.facts import Facts, Reload, Services
from opsbook.systems import alertmanager, certificate, docker, prometheus
from opsbook.systems.caddy import Caddy
from opsbook.systems.compose import compose
from opsbook.systems.container import of
from opsbook.systems.machine import look
from opsbook.systems.metrics import metric
from opsbook.watch.eviction import holder

T = TypeVar("T")
AT_ONCE = 6             # questions side by side: one that hangs holds up nobody
WORDS, LINES = 3, 3     # so many services that are down are asked for so many lines of their logs
FIRING = 'ALERTS{alertstate="firing"}'
PROMETHEUS, ALERTMANAGER, CADDY = prometheus.Prometheus(), alertmanager.Alertmanager(), Caddy()
RELOADED = {
    PROMETHEUS.service: (PROMETHEUS.metrics(), prometheus.RELOADED, prometheus.RELOADED_AT),
    ALERTMANAGER.service: (ALERTMANAGER.metrics(), alertmanager.RELOADED, alertmanager.RELOADED_AT),
}


def machine(host: Host, wall: Callable[[], float] = time.time) -> Facts:
    """Return what the host tells at one look."""
    before = wall()
    found = host.read(look(host.entry.stack.checkout if host.entry.stack else None))
    return Facts(host.entry, found, skew=None if found.now is None else skew(before, wall(), found.now))


def skew(before: float, after: float, theirs: float) -> float:
    """Given our times around the question and the host's in whole seconds, return how far it is ahead for certain; below 0: behind."""
    return max(theirs - after, 0.0) or min(theirs + 1 - before, 0.0)


def one_shots(host: Host, facts: Facts) -> frozenset[str]:
    """Return the services that are meant to end; the Compose file is asked only where one has ended well."""
    if host.entry.stack is None or not any(found.ended_well for found in facts.own):
        return frozenset()
    project = _unless_it_fails(host, compose(host.stack).settings())()
    return project.one_shots if project is not None else frozenset()


def words(host: Host, facts: Facts) -> Mapping[str, str]:
    """Return the last log lines of the services that do not run, or not for long."""
    unwell = (found for found in facts.own if (not found.running or found.restarts) and not facts.is_done(found))
    down = sorted(unwell, key=lambda found: found.running)
    asked = {found.service: found.id for found in down[:WORDS]}
    told = _side_by_side({name: _unless_it_fails(host, docker.last_lines(one, LINES)) for name, one in asked.items()})
    return {name: quoted(text) for name, text in told.items() if text}


def runs(host: Host, facts: Facts) -> Facts:
    """Return the facts with who is at work on the host, and which run was left half-way."""
    told = _side_by_side({"lock": _unless_it_fails(host, holder()), "record": _unless_it_fails(host, record.current())})
    return replace(facts, lock=told["lock"] or "", record=told["record"])


def spoken(host: Host, facts: Facts) -> Services:
    """Return what the services say; nothing where Docker, which knows their addresses, does not answer."""
    if host.entry.stack is None or not facts.machine.containers:
        return Services()
    running = {known.name for known in host.stack.services if (one := of(facts.own, known.name)) is not None and one.running}
    host.recall(docker.containers(host.stack.project))      # once, before many need it side by side
    endpoints = {name: partial(services.endpoint_answers, host, name) for name in running}
    return _services(_side_by_side({**endpoints, **_questions(host, running)}), running)


def _questions(host: Host, running: set[str]) -> dict[str, Callable[[], Any]]:
    reads: dict[str, Read[Any]] = {f"metrics {name}": page for name, (page, _, _) in RELOADED.items() if name in running}
    if PROMETHEUS.service in running:
        reads |= {"rules": PROMETHEUS.rules(), "targets": PROMETHEUS.targets(), "alerts": PROMETHEUS.query(FIRING)}
    asked: dict[str, Callable[[], Any]] = {name: _unless_it_fails(host, question) for name, question in reads.items()}
    asked["own certificates"] = partial(_own_certificates, host, running)
    return {**asked, "certificates": partial(_certificates, host)} if CADDY.service in running else asked


def _services(told: Mapping[str, Any], running: set[str]) -> Services:
    alerts = told.get("alerts")
    return Services(
        endpoints={name: told[name] for name in sorted(running)},
        reloads={name: found for name in RELOADED if (found := _reload(name, told.get(f"metrics {name}") or ""))},
        rules=told.get("rules"),
        targets=told.get("targets"),
        alerts=None if alerts is None else tuple(sample.labels for sample in alerts),
        certificates=told.get("certificates") or {},
        own_certificates=told.get("own certificates") or {},
    )


def _reload(name: str, page: str) -> Reload | None:
    _, good, at = RELOADED[name]
    ended = metric(page, good)
    return None if ended is None else Reload(ended == 1, metric(page, at) or 0.0)


def _certificates(host: Host) -> Mapping[str, certificate.Certificate | None]:
    sites = _unless_it_fails(host, CADDY.sites())()
    names = [name for name in sites.names if "*" not in name] if sites is not None else []
    return _unless_it_fails(host, certificate.served(names))() or {} if names else {}


def _own_certificates(host: Host, running: set[str]) -> Mapping[str, certificate.Certificate]:
    """Return what each service shows that speaks TLS by itself, at its published port."""
    known = host.recall(docker.containers(host.stack.project))
    found: dict[str, certificate.Certificate | None] = {}
    for service in (one for one in host.stack.services if one.scheme == "https" and one.name in running):
        container = of(known, service.name)
        ports = [port.public for port in container.ports if port.private == service.port] if container else []
        for port in ports[:1]:
            found |= _unless_it_fails(host, certificate.served([service.name], port))() or {}
    return {name: one for name, one in found.items() if one is not None}


def _side_by_side(asked: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="triage") as pool:
        futures = {name: pool.submit(question) for name, question in asked.items()}
        return {name: future.result() for name, future in futures.items()}


def _unless_it_fails(host: Host, question: Read[T]) -> Callable[[], T | None]:
    """Return what asks the question, and gives nothing where there is no answer."""

    def ask() -> T | None:
        try:
            return host.read(question)
        except (CommandFailed, Refused):    # Refused: a run record that is damaged, which the doctor tells
            return None

    return ask
