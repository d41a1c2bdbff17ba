"""One thing that was found, good or bad, and the order in which findings are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["bad", "warn", "note", "ok"]
ORDER: tuple[Severity, ...] = ("bad", "warn", "note", "ok")


@dataclass(frozen=True)
class Finding:
    """`bad` keeps things from working, `warn` soon may, `note` is worth knowing; `evidence` is what was seen, `next` what to type."""

    severity: Severity
    what: str
    evidence: str = ""
    next: str = ""


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the worst first; of equals the one that was found first."""
    return tuple(sorted(findings, key=lambda one: ORDER.index(one.severity)))
