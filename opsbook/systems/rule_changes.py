"""What differs between two sets of rules, in every field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from opsbook.systems.rules import Group, Rule

FIELDS = {"expr": "expr", "hold": "for", "keep_firing_for": "keep_firing_for", "labels": "labels", "annotations": "annotations"}


@dataclass(frozen=True)
class Difference:
    """A rule, or a whole group where `rule` is empty, that is new, gone or not the same."""

    kind: Literal["added", "removed", "changed"]
    file: str
    group: str
    rule: str = ""
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"{self.rule} in group {self.group}" if self.rule else f"group {self.group}"
        fields = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{self.kind} {what} of {self.file}{fields}"


def differences(old: Iterable[Group], new: Iterable[Group]) -> tuple[Difference, ...]:
    """Return what must happen to the old rules to become the new ones."""
    before, after = ({(group.file, group.name): group for group in groups} for groups in (old, new))
    return tuple(change for key in sorted({*before, *after}) for change in _groups(before.get(key), after.get(key)))


def _groups(old: Group | None, new: Group | None) -> Iterator[Difference]:
    known = new or old
    assert known is not None    # noqa: S101  one of the two has the key
    empty = Group(known.file, known.name, known.interval, ())
    found = list(_rules(old or empty, new or empty))
    if old is None or new is None:
        yield Difference("added" if new else "removed", known.file, known.name)
    elif fields := tuple(_settings(old, new, same_rules=not found)):
        yield Difference("changed", known.file, known.name, fields=fields)
    yield from found


def _settings(old: Group, new: Group, *, same_rules: bool) -> Iterator[str]:
    if old.interval != new.interval:
        yield "interval"
    if old.limit != new.limit:
        yield "limit"
    if None not in {old.offset, new.offset} and old.offset != new.offset:
        yield "query_offset"
    if same_rules and old.rules != new.rules:
        yield "order of rules"


def _rules(old: Group, new: Group) -> Iterator[Difference]:
    gone, come = list(old.rules), []
    for rule in new.rules:
        if rule in gone:
            gone.remove(rule)
        else:
            come.append(rule)
    for rule in come:
        before = next((other for other in gone if str(other) == str(rule)), None)
        if before is None:
            yield Difference("added", new.file, new.name, str(rule))
        else:
            gone.remove(before)
            yield Difference("changed", new.file, new.name, str(rule), tuple(_fields(before, rule)))
    for rule in gone:
        yield Difference("removed", new.file, new.name, str(rule))


def _fields(old: Rule, new: Rule) -> Iterator[str]:
    return (word for name, word in FIELDS.items() if getattr(old, name) != getattr(new, name))
