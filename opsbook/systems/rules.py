"""Alert and recording rules: as Prometheus runs them, as their files say, and what differs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.systems.plain_yaml import plain
from opsbook.systems.times import NEVER, duration, epoch

Pairs = tuple[tuple[str, str], ...]
TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[\w:.]+|\S""")
KINDS = {"alerting": "alert", "recording": "record"}


@dataclass(frozen=True)
class Rule:
    """A rule; times in seconds. How it fares now is known only of a running one and makes no difference."""

    kind: str                   # alert or record
    name: str
    expr: str
    hold: float = 0             # `for`
    keep_firing_for: float = 0
    labels: Pairs = ()
    annotations: Pairs = ()
    health: str = field(default="unknown", compare=False)
    error: str = field(default="", compare=False)
    evaluated: float = field(default=NEVER, compare=False)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Group:
    """The rules of one group of one file, evaluated every `interval` seconds."""

    file: str
    name: str
    interval: float
    rules: tuple[Rule, ...]
    limit: int = 0
    offset: float | None = None     # query_offset; a running group does not tell it
    evaluated: float = field(default=NEVER, compare=False)


def parse_rules(result: Result) -> tuple[Group, ...]:
    """Given the answer of /api/v1/rules, return the groups that run."""
    return tuple(_running(group) for group in json.loads(result.out)["data"]["groups"])


def parse_rule_file(text: str, path: str, interval: float) -> tuple[Group, ...]:
    """Given a rule file and the global interval, return its groups; raise CommandFailed if it is none."""
    found = plain(text, path)
    try:
        return tuple(_written(group, path, interval) for group in (found or {}).get("groups") or ())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CommandFailed(f"{path} is no rule file", saw=f"{type(error).__name__}: {error}") from None


def expressions(groups: Iterable[Group]) -> frozenset[str]:
    """Return every expression of the groups."""
    return frozenset(rule.expr for group in groups for rule in group.rules)


def folded(expression: str) -> str:
    """Given an expression, return it with one space between its words and signs; what stands in quotes stays as it is."""
    return " ".join(TOKEN.findall(expression))


def with_expressions(groups: Iterable[Group], formatted: Mapping[str, str]) -> tuple[Group, ...]:
    """Return the groups with their expressions replaced by these, where there is one."""
    return tuple(
        replace(group, rules=tuple(replace(rule, expr=formatted.get(rule.expr, rule.expr)) for rule in group.rules)) for group in groups
    )


def _running(raw: Mapping[str, Any]) -> Group:
    return Group(
        raw["file"],
        raw["name"],
        float(raw["interval"]),
        tuple(_running_rule(rule) for rule in raw["rules"]),
        int(raw.get("limit") or 0),
        evaluated=epoch(raw.get("lastEvaluation")),
    )


def _running_rule(raw: Mapping[str, Any]) -> Rule:
    return Rule(
        KINDS[raw["type"]],
        raw["name"],
        raw["query"].strip(),
        float(raw.get("duration") or 0),
        float(raw.get("keepFiringFor") or 0),
        _pairs(raw.get("labels")),
        _pairs(raw.get("annotations")),
        health=raw["health"],
        error=raw.get("lastError", ""),
        evaluated=epoch(raw.get("lastEvaluation")),
    )


def _written(raw: Mapping[str, Any], path: str, interval: float) -> Group:
    own, labels = duration(raw.get("interval") or "0"), raw.get("labels") or {}
    offset = duration(raw["query_offset"]) if raw.get("query_offset") else None
    rules = tuple(_written_rule(rule, labels) for rule in raw.get("rules") or ())
    return Group(path, raw["name"], own or interval, rules, int(raw.get("limit") or 0), offset)


def _written_rule(raw: Mapping[str, Any], labels: Mapping[str, str]) -> Rule:
    kind = "alert" if raw.get("alert") else "record"
    return Rule(
        kind,
        raw[kind],
        raw["expr"].strip(),
        duration(raw.get("for") or "0"),
        duration(raw.get("keep_firing_for") or "0"),
        _pairs({**labels, **(raw.get("labels") or {})}),
        _pairs(raw.get("annotations")),
    )


def _pairs(raw: Mapping[str, str] | None) -> Pairs:
    return tuple(sorted((name, value or "") for name, value in (raw or {}).items()))
