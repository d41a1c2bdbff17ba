"""What a reading runbook answers: a value for JSON, and the table or lines that people see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Columns and rows of plain text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Answer:
    """One host's answer; `trouble` is the sentence that makes the exit code 10, `stream` are lines that come one by one."""

    data: object = None
    table: Table | None = None
    lines: tuple[str, ...] = ()
    trouble: str = ""
    next: str = ""
    stream: Iterator[str] | None = None
