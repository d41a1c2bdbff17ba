"""The rows of the journal as values, and values as they are stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsbook.shell import HIDDEN, Secret

NO_END, GOES_ON = "no end recorded (operator's process died?)", "goes on"


@dataclass(frozen=True)
class RunRow:
    """One run; `ended` and `code` are None when its end was never written."""

    id: str
    runbook: str
    params: dict[str, Any]
    hosts: tuple[str, ...]
    operator: str
    plan: bool
    started: float          # seconds since 1970 by the operator's clock
    ended: float | None
    code: int | None
    site: str = ""          # "LAB name" or the inventory's path; empty: written by an opsbook that did not know
    goes_on: bool = False   # its process is known to be there

    @property
    def named(self) -> str:
        """Return the runbook, and whether it was a plan."""
        return f"{self.runbook} (plan)" if self.plan else self.runbook

    @property
    def ending(self) -> str:
        """Return how it ended, in words."""
        without = GOES_ON if self.goes_on else NO_END
        return without if self.code is None else f"exit {self.code}"


@dataclass(frozen=True)
class EventRow:
    """One event of a run."""

    seq: int
    at: float
    host: str
    kind: str
    title: str
    detail: dict[str, Any]


def run_of(row: sqlite3.Row) -> RunRow:
    """Return the run that the row tells of."""
    return RunRow(
        row["id"], row["runbook"], json.loads(row["params"]), tuple(json.loads(row["hosts"])), row["operator"], bool(row["plan"]),
        row["started"], row["ended"], row["code"], row["site"],
    )


def event_of(row: sqlite3.Row) -> EventRow:
    """Return the event that the row tells of."""
    return EventRow(row["seq"], row["at"], row["host"], row["kind"], row["title"], json.loads(row["detail"]))


def as_json(value: object) -> str:
    """Return JSON text in which no Secret is readable."""
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, default=_plain, ensure_ascii=False)


def storable(value: object) -> object:
    """Return a text with the bytes that are no UTF-8 written as codes, which SQLite would refuse; anything else as it is."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, set | frozenset | Sequence) else str(value)
