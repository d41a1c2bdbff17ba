"""How rules fare after a reload, compared with how they fared before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.host import Host
from opsbook.systems.prometheus import Prometheus
from opsbook.systems.rules import Group, Rule

LONGEST_WAIT = 90       # seconds for a changed group to be evaluated; the expressions of slower ones are queried instead
SLACK = 1.5             # a group is evaluated for the first time within its own interval, and a little


def before(groups: Iterable[Group]) -> dict[str, Any]:
    """Return what must be remembered of the rules that run before a reload."""
    known = tuple(groups)
    return {"groups": {_key(group): _digest(group) for group in known}, "sick": sorted(_errors(known))}


def without_new_errors(host: Host, prometheus: Prometheus, kept: Mapping[str, Any]) -> Seen:
    """Given what `before` said, return whether each changed group was evaluated and none of its rules has a new error.

    The expressions of a group too slow to wait for are queried, each once; an error from before is named but not held against the run.
    """
    running, known, sick = host.read(prometheus.rules()), kept.get("groups", {}), set(kept.get("sick", ()))
    changed = [group for group in running if known.get(_key(group)) != _digest(group)]
    fresh = [group for group in changed if _unknown(group)]
    slow = [group for group in fresh if group.interval * SLACK > LONGEST_WAIT]
    errors = _errors(changed) | _failures(host, prometheus, slow)
    failed = [f"{name}: {error}" for name, error in errors.items() if name not in sick]
    notes = [f"group {group.name} is not evaluated yet (every {group.interval:g} s)" for group in fresh if group not in slow]
    notes += [f"group {group.name} is too slow to wait for (every {group.interval:g} s): {_count(group)} queried instead" for group in slow]
    notes += [f"had an error before, too: {name}" for name in sorted(sick & (_errors(running) | errors).keys())]
    saw = "\n".join([*failed, *notes, *_evaluated(len(changed), len(fresh))])
    return Seen(not failed and len(slow) == len(fresh), saw=saw, final=bool(failed))


def _evaluated(changed: int, fresh: int) -> Iterator[str]:
    if not changed:
        yield "no group is new or changed"
    elif not fresh:
        yield f"new or changed groups, all evaluated: {changed}"
    elif fresh < changed:
        yield f"new or changed groups, evaluated: {changed - fresh} of {changed}"


def _failures(host: Host, prometheus: Prometheus, groups: Iterable[Group]) -> dict[str, str]:
    """Return the errors that queries of the not yet evaluated rules give, by rule; each expression is asked once in a run."""
    asked = {_named(rule, group): host.recall(prometheus.failure(rule.expr)) for group in groups for rule in _unknown(group)}
    return {name: error for name, error in asked.items() if error}


def _unknown(group: Group) -> list[Rule]:
    return [rule for rule in group.rules if rule.health == "unknown"]


def _count(group: Group) -> str:
    return counted(len(_unknown(group)), "expression was", "expressions were")


def _errors(groups: Iterable[Group]) -> dict[str, str]:
    """Return the errors by rule."""
    return {_named(rule, group): rule.error for group in groups for rule in group.rules if rule.health == "err"}


def _named(rule: Rule, group: Group) -> str:
    return f"{rule} in group {_key(group)}"


def _key(group: Group) -> str:
    return f"{group.name} of {group.file}"


def _digest(group: Group) -> str:
    fields = [(r.kind, r.name, r.expr, r.hold, r.keep_firing_for, r.labels, r.annotations) for r in group.rules]
    return hashlib.sha256(repr((group.interval, group.limit, fields)).encode()).hexdigest()[:16]
