"""Events as lines of text: the words that screen and plain output share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opsbook.answer import Table
from opsbook.events import Event
from opsbook.screen.terminal import tame


@dataclass(frozen=True)
class Line:
    """A line for people: a word that carries the meaning, the text, and a style that only repeats the word."""

    word: str
    text: str
    style: str = ""


def lines(event: Event, *, debug: bool = False) -> Iterator[Line]:
    """Given an event, yield its lines; reads are shown with `--debug` only."""
    if event.kind != "read" or debug:
        yield from SHOWN.get(event.kind, _nothing)(event)


def _nothing(_event: Event) -> Iterator[Line]:
    yield from ()


def _step(event: Event) -> Iterator[Line]:
    yield Line("undo" if event.detail.get("phase") == "undo" else "step", event.title, "bold")


def _say(event: Event) -> Iterator[Line]:
    style = "dim" if event.detail.get("already") else ""
    yield from (Line("", text, style) for text in event.title.splitlines())


def _ready(event: Event) -> Iterator[Line]:
    yield Line("ready", event.title, "yellow")


def _then(event: Event) -> Iterator[Line]:
    yield Line("then", event.title, "cyan")
    if event.detail.get("change"):
        yield Line("", f"  {event.detail['change']}", "dim")


def _write(event: Event) -> Iterator[Line]:
    yield Line("change", event.title, "yellow")


def _read(event: Event) -> Iterator[Line]:
    detail = event.detail
    yield Line("read", f"{event.title} → {detail.get('code', detail.get('error'))}, {detail.get('seconds', '?')} s", "dim")


def _proof(event: Event) -> Iterator[Line]:
    ok = bool(event.detail["ok"])
    yield Line("proven" if ok else "NOT TRUE", event.title, "green" if ok else "bold red")
    yield from _indented(str(event.detail.get("saw", "")), "dim" if ok else "")


def _evidence(event: Event) -> Iterator[Line]:
    yield Line("kept", f"evidence: {event.title} ({event.detail['next']})", "dim")


def _fail(event: Event) -> Iterator[Line]:
    yield Line("FAILED", event.title, "bold red")
    yield from _indented(str(event.detail.get("saw", "")), "")
    yield from _next(event)


def _next(event: Event) -> Iterator[Line]:
    if event.detail.get("next"):
        yield Line("next", str(event.detail["next"]), "bold")


def _end(event: Event) -> Iterator[Line]:
    yield Line("end", f"{event.title} ({event.detail['seconds']:.1f} s)", "green" if event.detail["code"] == 0 else "red")
    yield from _next(event)


SHOWN: dict[str, Callable[[Event], Iterator[Line]]] = {
    "step": _step,
    "say": _say,
    "ready": _ready,
    "then": _then,
    "write": _write,
    "read": _read,
    "proof": _proof,
    "evidence": _evidence,
    "fail": _fail,
    "end": _end,
}


def waiting(event: Event) -> Line:
    """Given a wait, return its line: what is awaited, what was seen, how long it may still take."""
    saw, left = event.detail.get("saw") or "not yet", event.detail.get("left", 0)
    return Line("wait", f"{event.title}: {saw} (at most {left:.0f} s more)", "yellow")


def aligned(table: Table) -> Iterator[str]:
    """Given a table, yield its header and rows as text, columns aligned, the last one ragged."""
    everything = [tuple(column.upper() for column in table.columns), *(tuple(map(_in_one_line, row)) for row in table.rows)]
    widths = [max(len(row[index]) for row in everything) for index in range(len(table.columns))]
    for row in everything:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _in_one_line(cell: str) -> str:
    return tame(" ".join(cell.splitlines()))


def _indented(text: str, style: str) -> Iterator[Line]:
    for line in text.splitlines():
        yield Line("", f"  {line}", style)
