"""The host's own clock, which dates what happens there."""

from __future__ import annotations

from opsbook.host import Read, Result
from opsbook.shell import cmd


def now() -> Read[float]:
    """The time, in seconds since 1970."""
    return Read(cmd("date", "+%s.%N"), parse_now)


def parse_now(result: Result) -> float:
    """Given seconds and nanoseconds, return the time."""
    return float(result.out)
