"""Runs, events and host log lines as text and as JSON documents."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from opsbook.answer import Table
from opsbook.journal import EventRow, RunRow
from opsbook.record.note import Note


def as_document(run: RunRow) -> dict[str, object]:
    """Return the run as JSON has it."""
    return {**asdict(run), "ending": run.ending}


def runs_table(runs: Sequence[RunRow]) -> Table:
    """Return the runs as a table, the newest first."""
    rows = tuple((run.id, clock(run.started), run.named, _short(run.site), " ".join(run.hosts), run.operator, run.ending) for run in runs)
    return Table(("run", "started", "runbook", "site", "hosts", "operator", "ended"), rows)


def notes_table(notes: Sequence[Note]) -> Table:
    """Return the lines of a host's log as a table, the oldest first."""
    rows = tuple((clock(note.at), note.run, note.runbook or "-", note.operator, _phase(note)) for note in notes)
    return Table(("when", "run", "runbook", "operator", "what"), rows)


def in_full(run: RunRow, events: Sequence[EventRow]) -> Iterator[str]:
    """Return a run with everything that happened in it, line by line."""
    yield f"run       {run.id}  {run.named}"
    yield f"site      {run.site or '(not on record)'}"
    yield f"hosts     {' '.join(run.hosts)}"
    yield f"operator  {run.operator}"
    yield f"started   {clock(run.started)}"
    yield f"ended     {f'{clock(run.ended)}, ' if run.ended else ''}{run.ending}"
    yield from (f"param     {name} = {value}" for name, value in run.params.items() if value is not None)
    yield ""
    for event in events:
        yield from _event(event, run.started)


def clock(seconds: float) -> str:
    """Return the moment with its zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(seconds))


def _event(event: EventRow, begun: float) -> Iterator[str]:
    title, *more = event.title.splitlines() or [""]
    short = {name: value for name, value in event.detail.items() if "\n" not in str(value)}
    aside = "  ".join(f"{name}={value}" for name, value in short.items() if value not in ("", None, title))
    yield f"{event.at - begun:8.3f}  {event.host or '-'}  {event.kind:<8}  {title}{f'  [{aside}]' if aside else ''}"
    for line in more:
        yield f"            {line}"
    for name, value in event.detail.items():
        if name not in short:
            yield f"            {name}:"
            yield from (f"              {line}" for line in str(value).splitlines())


def _short(site: str) -> str:
    """Return the lab's name as it is, of an inventory's path the folder."""
    return Path(site).parent.name or site if site.startswith("/") else site or "-"


def _phase(note: Note) -> str:
    return note.phase if note.code is None else f"{note.phase}, exit {note.code}"
