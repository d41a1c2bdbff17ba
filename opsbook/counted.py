"""A number with its noun."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """Given a number, the words for one and those for another number (by default with an s), return both: `1 file`, `0 files`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
