"""How a run on several hosts ended: which are done, which untouched, which half."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from opsbook.runner import outcome

if TYPE_CHECKING:
    from opsbook.runner.outcome import Ended

NAMED = 20      # so many hosts of a kind are named; each has its own line before


def by_kind(ended: Sequence[Ended], *, reads: bool) -> dict[str, list[str]]:
    """Return the hosts by how they ended, in the order in which an operator asks."""
    kinds = ("done", "trouble", "failed") if reads else ("done", "undone", "untouched", "half")
    found: dict[str, list[str]] = {kind: [] for kind in kinds}
    for one in ended:
        found[_kind(one, reads=reads)].append(one.host)
    return found


def told(ended: Sequence[Ended], *, reads: bool, again: str) -> Iterator[str]:
    """Yield a line for each host, then one for all, then what to type for those that failed."""
    for one in ended:
        yield _line(one)
        if one.ways_on:
            yield f"  next: {one.ways_on}"
    found = by_kind(ended, reads=reads)
    yield f"{len(ended)} hosts: {'; '.join(_counted(kind, names) for kind, names in found.items() if names)}"
    if again and len(found["done"]) < len(ended):
        yield f"  next: {again}"


def _line(one: Ended) -> str:
    why = f"{one.error.what}; " if one.error and one.error.what not in one.state else ""
    return f"{one.host}: {why}{one.state} (exit {one.code})"


def _kind(one: Ended, *, reads: bool) -> str:
    if one.code == outcome.DONE:
        return "done"
    if reads:
        return "trouble" if one.code == outcome.TROUBLE else "failed"
    if one.code == outcome.UNDONE:
        return "undone"
    return "half" if one.changed else "untouched"


def _counted(kind: str, names: Sequence[str]) -> str:
    if kind == "done":
        return f"{len(names)} done"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} {kind}: {', '.join(names[:NAMED])}{more}"
