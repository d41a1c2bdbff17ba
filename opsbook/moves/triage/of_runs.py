"""Runs of opsbook that did not end, and who is at work."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.findings.finding import Finding
from opsbook.moves.triage.facts import Facts


def held(f: Facts) -> Iterator[Finding]:
    """The lock, while somebody holds it."""
    if f.lock:
        yield Finding("note", "an operator holds the lock", f.lock, f"opsbook unlock {f.host}    (only if nobody is there)")


def unfinished(f: Facts) -> Iterator[Finding]:
    """The record of a run that nobody is at any more."""
    if f.record is not None and not f.lock:
        saw = f"{f.record.id} by {f.record.operator}, in phase {f.record.phase}"
        yield Finding("warn", f"a run of {f.record.runbook} has not ended", saw, f"opsbook doctor {f.host}    (tells how to resume it)")
