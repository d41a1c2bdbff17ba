"""The host in a few lines, also when nothing is wrong with it: what an operator would look at first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from opsbook.counted import counted
from opsbook.moves.triage.facts import Facts
from opsbook.moves.triage.words import age, amount

COMMITS = 3
SUBJECT = 40        # so much of a commit's first line


def rows(f: Facts) -> Iterator[tuple[str, str]]:
    """Yield what was asked and what is so."""
    yield from _machine(f)
    yield from _containers(f)
    yield from _services(f)
    for number, commit in enumerate((f.machine.commits or ())[:COMMITS]):
        text = f"{commit.id[:8]} {age(f.now - commit.at)} ago, {commit.author}: {commit.subject[:SUBJECT]}"
        yield "commits" if number == 0 else "", text


def _machine(f: Facts) -> Iterator[tuple[str, str]]:
    m = f.machine
    if m.now is not None:
        yield "time", f"{datetime.fromtimestamp(m.now, UTC):%Y-%m-%d %H:%M:%S} UTC, zone {m.zone}"
    if m.load is not None and m.uptime is not None:
        yield "load", f"{m.load[0]:.1f} {m.load[1]:.1f} {m.load[2]:.1f} on {m.cpus or '?'} CPUs, up {age(m.uptime)}"
    if m.memory is not None:
        yield "memory", f"{amount(m.memory.available)} of {amount(m.memory.total)} available"
    if m.disks:
        tightest = min(m.disks, key=lambda disk: disk.free_share)
        yield "disks", f"{len(m.disks)}, the fullest {tightest.mount}: {amount(tightest.free)} of {amount(tightest.size)} left"


def _containers(f: Facts) -> Iterator[tuple[str, str]]:
    if f.machine.containers is not None and f.entry.stack is not None:
        well = sum(f.is_done(found) or (found.running and found.health in {"", "healthy"}) for found in f.own)
        more = f", and {len(f.others)} of others" if f.others else ""
        yield "containers", f"{well} of {len(f.own)} of the stack are well{more}"


def _services(f: Facts) -> Iterator[tuple[str, str]]:
    s = f.services
    if s.rules is not None and s.targets is not None:
        up = sum(target.health == "up" for target in s.targets)
        count = sum(len(group.rules) for group in s.rules)
        fire = counted(len(s.alerts or ()), "alert fires", "alerts fire")
        yield "prometheus", f"{counted(count, 'rule')}, {up} of {counted(len(s.targets), 'target')} up, {fire}"
    for name, last in s.reloads.items():
        yield "reloads" if name == next(iter(s.reloads)) else "", f"{name} {age(f.now - last.at)} ago"
    soonest = min((found for found in s.certificates.values() if found is not None), key=lambda one: one.ends, default=None)
    if soonest is not None:
        left = soonest.ends - f.now
        ends = f"the first to end in {age(left)}" if left > 0 else f"the first ended {age(-left)} ago"
        yield "certificates", f"{len(s.certificates)}, {ends}: {soonest.name}"
