"""What people see. The only importer of rich, and only for a terminal that can show it."""

from __future__ import annotations

import os
import sys
import textwrap
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from opsbook.answer import Answer
from opsbook.events import Event
from opsbook.screen.lines import Line, aligned, lines, waiting
from opsbook.screen.terminal import raw, tame

NARROWEST = 30      # columns of text, however narrow the terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status


class Screen(Protocol):
    """Talk goes to standard error, answers to standard output."""

    def tell(self, event: Event) -> None:
        """Show an event."""

    def answer(self, host: str, answer: Answer) -> None:
        """Show what a reading runbook answered."""


def open_screen(environment: Mapping[str, str], *, hosts: int, debug: bool) -> Screen:
    """Return colours for a terminal, else plain lines (no terminal, NO_COLOR, TERM=dumb)."""
    plain = not sys.stderr.isatty() or environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb"
    return Plain(hosts, debug=debug) if plain else Colours(hosts, debug=debug)


class Plain:
    """One line an event, each with its host, nothing but text."""

    def __init__(self, hosts: int, *, debug: bool, err: TextIO | None = None, out: TextIO | None = None) -> None:
        self._several, self._debug = hosts > 1, debug
        self._err, self._out = err or sys.stderr, out or sys.stdout
        self._lock = threading.Lock()
        self._waited: dict[str, str] = {}

    def tell(self, event: Event) -> None:
        """Print the event's lines; a wait only when what is seen has changed."""
        with self._lock:
            if event.kind == "line":
                self._print_line(event)
            elif event.kind == "wait":
                self._wait(event)
            for line in lines(event, debug=self._debug):
                self._talk(event.host, line)

    def answer(self, host: str, answer: Answer) -> None:
        """Print the answer's lines and table."""
        head = [f"{host}:"] if self._several else []
        rows = list(aligned(answer.table)) if answer.table else []
        for text in [*head, *answer.lines, *rows]:
            print(tame(text), file=self._out)
        self._out.flush()

    def _print_line(self, event: Event) -> None:
        print(tame(f"{event.host}: {event.title}" if self._several else event.title), file=self._out, flush=True)

    def _wait(self, event: Event) -> None:
        seen = f"{event.title} {event.detail.get('saw')}"
        if self._waited.get(event.host) != seen:
            self._waited[event.host] = seen
            self._talk(event.host, waiting(event))

    def _talk(self, host: str, line: Line) -> None:
        first = f"{host}  {line.word:<8} "
        text = line.text.replace("\n", "\n" + " " * len(first))    # a second line must not pass for one of ours
        print(tame((first + text).rstrip()), file=self._err, flush=True)


class Colours:
    """The same words in colour; a wait is one line that is redrawn."""

    def __init__(self, hosts: int, *, debug: bool, err: Console | None = None, out: Console | None = None) -> None:
        from rich.console import Console

        self._several, self._debug = hosts > 1, debug
        self._err = err or Console(file=raw(sys.stderr), highlight=False, soft_wrap=True)
        self._out = out or Console(file=raw(sys.stdout), highlight=False)
        self._status: Status | None = None
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        """Show the event's lines; a wait replaces the wait before it."""
        with self._lock:
            if event.kind == "line":
                self._rest()
                self._out.print(tame(f"{event.host}: {event.title}" if self._several else event.title), markup=False, soft_wrap=True)
            elif event.kind == "wait":
                self._wait(event)
            elif shown := list(lines(event, debug=self._debug)):
                self._rest()
                for line in shown:
                    self._talk(event.host, line)

    def answer(self, host: str, answer: Answer) -> None:
        """Show the answer's lines, and its table with cells folded to the terminal's width."""
        from rich.table import Table as RichTable
        from rich.text import Text

        self._rest()
        if self._several:
            self._out.print(Text(host, style="bold"))
        for text in answer.lines:
            self._out.print(Text(tame(text)), soft_wrap=True)
        if answer.table is not None:
            shown = RichTable(box=None, pad_edge=False, header_style="bold")
            for column in answer.table.columns:
                shown.add_column(Text(column.upper()), overflow="fold")
            for row in answer.table.rows:
                shown.add_row(*(Text(tame(cell), style=_style(cell)) for cell in row))
            self._out.print(shown)

    def _wait(self, event: Event) -> None:
        from rich.text import Text

        text = Text(tame(f"{event.host}  {waiting(event).text}".replace("\n", " ")), overflow="ellipsis", no_wrap=True)
        if self._status is None:
            self._status = self._err.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def _rest(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _talk(self, host: str, line: Line) -> None:
        from rich.text import Text

        first = f"{host}  {line.word:<8} "
        room = max(self._err.width - len(first), NARROWEST)
        text = folded(tame(line.text), room, " " * len(first))
        self._err.print(Text.assemble((f"{host}  ", "dim"), (f"{line.word:<8} ", line.style), (text, "" if line.word else line.style)))


def folded(text: str, room: int, margin: str) -> str:
    """Return the text in lines that fit, the further ones under the first; a word is never cut, so that it can be pasted."""
    indent = margin + text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False, drop_whitespace=True)
    return ("\n" + indent).join(lines) if lines else text


ALARMING = frozenset({"missing", "unhealthy", "exited", "restarting", "dead", "no", "error", "down"})


def _style(cell: str) -> str:
    return "bold red" if cell.split(" ", maxsplit=1)[0].lower() in ALARMING else ""


def first_line(text: str) -> None:
    """Print the run's first line at once, before anything slow is imported."""
    os.write(2, (tame(text) + "\n").encode(errors="replace"))
