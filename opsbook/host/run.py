"""The run, as its steps see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Run:
    """What one host knows of the run; each host of a run has its own."""

    id: str
    runbook: str
    operator: str
    plan: bool = False
    reads_only: bool = False
    started: float = 0.0                                # seconds since 1970 by the host's clock
    changed: bool = False                               # the first write was sent
    skipped: bool = False                               # a plan has shown its first write
    kept: dict[str, Any] = field(default_factory=dict)  # what undo and a rerun need; lives in the record on the host
    secrets: dict[str, str] = field(default_factory=dict, repr=False)   # the same, until the record is closed; never shown
