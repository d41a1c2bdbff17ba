"""What may be wrong with the containers. A service that is down comes before one that is unwell."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.counted import counted
from opsbook.findings.finding import Finding, Severity
from opsbook.moves.triage.facts import Facts
from opsbook.moves.triage.words import age, several
from opsbook.systems.container import Container, of

LOOPING, LATELY = 60, 600   # seconds since a restart by Docker that make it a loop, or worth a word
ENDED_WELL = frozenset({0, 130, 137, 143})      # by itself, or by a signal that stops it


def containers(f: Facts) -> Iterator[Finding]:
    """Services that do not run, or not well."""
    if f.entry.stack is None or f.machine.containers is None:
        return
    names = tuple(dict.fromkeys([*(known.name for known in f.entry.stack.services), *(found.service for found in f.own)]))
    if not any(found.running for found in f.own):
        yield _nothing_runs(f)
        return
    found = [(name, of(f.own, name)) for name in names]
    yield from (_missing(f, name) for name, one in found if one is None)
    yield from (_down(f, name, one) for name, one in found if one is not None and not one.running and not f.is_done(one))
    for name, one in found:
        if one is not None and one.running:
            yield from _unwell(f, name, one)


def others(f: Facts) -> Iterator[Finding]:
    """Containers that are not of the stack: nobody asked, yet they use the same machine."""
    for found in f.others:
        if found.status in {"restarting", "dead"} or found.health == "unhealthy":
            yield Finding("warn", f"the container {found.name} is {found.state}", next=f"ssh {f.host} docker logs --tail 20 {found.name}")


def _nothing_runs(f: Facts) -> Finding:
    if not f.own:
        return Finding("bad", "the stack is not there: it has no container at all", next=f"opsbook bring-up {f.host}")
    saw = several(tuple(f"{found.service} is {found.state}" for found in f.own), 9)
    return Finding("bad", "nothing of the stack runs", saw, f"opsbook bring-up {f.host}")


def _missing(f: Facts, name: str) -> Finding:
    return Finding("bad", f"{name} is missing: it has no container", next=f"opsbook bring-up {f.host}")


def _down(f: Facts, name: str, found: Container) -> Finding:
    words = f.words.get(name, "")
    logs = f"opsbook logs {name} {f.host}"
    if found.out_of_memory:
        return Finding("bad", f"{name} was killed for lack of memory", words, logs)
    if found.status == "restarting":
        return Finding("bad", f"{name} ends as soon as it starts: {found.state}, restarted {counted(found.restarts, 'time')}", words, logs)
    if found.status == "exited" and found.exit_code in ENDED_WELL:
        return Finding("bad", f"{name} is stopped: {found.state}", words, f"opsbook recreate-service {name} {f.host}")
    return Finding("bad", f"{name} does not run: {found.state}", words, logs)


def _unwell(f: Facts, name: str, found: Container) -> Iterator[Finding]:
    lived, logs = max(f.now - found.started, 0.0), f"opsbook logs {name} {f.host}"
    if found.restarts and lived < LOOPING:
        what = f"{name} ended and was started again {age(lived)} ago, {counted(found.restarts, 'time')} in all"
        yield Finding("bad", what, f.words.get(name, ""), logs)
    elif found.health == "unhealthy":
        yield Finding("bad", f"{name} is unhealthy", found.last_probe.strip()[:300], logs)
    elif found.health == "starting":
        settle = f.entry.stack.settle if f.entry.stack else lived
        severity: Severity = "bad" if lived > settle else "warn"
        yield Finding(severity, f"{name} is still starting, since {age(lived)}", next=logs)
    elif found.restarts and lived < LATELY:
        yield Finding("warn", f"{name} was restarted by Docker {age(lived)} ago", f"{counted(found.restarts, 'time')} in all", logs)
