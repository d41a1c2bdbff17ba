"""Times and durations as Docker and Prometheus write them, in seconds."""

from __future__ import annotations

import re
from datetime import datetime

NEVER = 0.0
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdwy])")


def epoch(stamp: str | None) -> float:
    """Given a time as Go writes it, return seconds since 1970; 0 for Go's "never"."""
    return datetime.fromisoformat(stamp).timestamp() if stamp and not stamp.startswith("0001-") else NEVER


def duration(text: str | float | None) -> float:
    """Given a duration such as `1h30m`, return seconds; raise ValueError if it is none."""
    if not isinstance(text, str):
        return float(text or 0)
    parts = PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text and text != "0":
        raise ValueError(f"not a duration: {text}")
    return sum(float(number) * UNITS[unit] for number, unit in parts)
