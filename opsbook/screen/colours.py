"""Lines in colour, for a terminal."""

from __future__ import annotations

import sys
import textwrap
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from opsbook.answer import Answer
from opsbook.events import Event
from opsbook.folding import for_people
from opsbook.screen.lines import Line, lines, waiting
from opsbook.screen.terminal import raw, tame

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

NARROWEST = 30      # columns of text, however narrow the terminal


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

    @property
    def console(self) -> Console:
        """Return where talk goes."""
        return self._err

    def calm(self) -> AbstractContextManager[None]:
        """Let no wait be redrawn over what the operator is asked."""
        with self._lock:
            self._rest()
        return nullcontext()

    def aside(self, text: str) -> None:
        """Show the text, without our own lock: the thread that a signal interrupts may hold it."""
        from rich.text import Text

        self._err.print(Text(for_people(tame(text))))

    def close(self) -> None:
        """Stop what is redrawn."""
        with self._lock:
            self._rest()

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

        if not host:        # a word about the whole run
            self._err.print(Text(tame(line.text), style=line.style))
            return
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
