"""Amounts as people read them."""

from __future__ import annotations

STEP = 1000
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def age(seconds: float) -> str:
    """Given seconds, return them in the largest unit that fits: `3 min`."""
    for size, unit in UNITS:
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def amount(size: float) -> str:
    """Given bytes, return them with a unit: `4.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < STEP:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= STEP
    return f"{size:.1f} TB"


def several(names: tuple[str, ...], most: int = 3) -> str:
    """Given names, return the first ones and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
