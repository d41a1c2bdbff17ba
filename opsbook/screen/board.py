"""A live table for several hosts on a terminal: those that run, those that failed, and how many are done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.live import Live
from rich.table import Table
from rich.text import Text

from opsbook.answer import Answer
from opsbook.events import Event
from opsbook.screen.colours import Colours
from opsbook.screen.progress import Progress
from opsbook.screen.said import Said
from opsbook.screen.terminal import tame

if TYPE_CHECKING:
    from rich.console import Console

REFRESH = 4             # times a second
WIDEST_HOST = 24
SECONDS, WORD, GAP = 6, 7, 2    # widths
BESIDES = 3             # lines of the terminal that are not for rows: the counts, "more", the cursor


class Board:
    """The table is gone when the run is over; what failed, and why, is told then in full."""

    def __init__(self, hosts: int, *, err: Console | None = None, out: Console | None = None) -> None:
        self._lines = Colours(hosts, debug=False, err=err, out=out)
        self._progress, self._said = Progress(hosts), Said()
        self._failures: list[Event] = []
        self._live: Live | None = None
        self._still = 0         # questions under way; and one for good where lines stream
        self._one_at_a_time = threading.RLock()

    def tell(self, event: Event) -> None:
        """Take the event into the table; show it as a line only where it is not of one host."""
        self._progress.take(event)      # before our lock: the table is drawn by another thread, which must not wait for us
        self._said.take(event)
        with self._one_at_a_time:
            if event.kind == "line":
                self._stream(event)
            elif event.kind == "fail":
                self._failures.append(event)
            elif not event.host:
                self._lines.tell(event)
            if not self._still:
                self._start()

    def answer(self, host: str, answer: Answer) -> None:
        """Show what a reading runbook answered."""
        self.close()
        self._lines.answer(host, answer)

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Until the block ends, draw nothing: the operator is asked. What the hosts said is told first."""
        with self._one_at_a_time:
            self._still += 1
            self._stop()
            self._tell_said()
        try:
            yield
        finally:
            with self._one_at_a_time:
                self._still -= 1

    def aside(self, text: str) -> None:
        """Show a line above the table; may be called by a signal that came while something else was shown."""
        self._lines.aside(text)

    def close(self) -> None:
        """Take the table away and tell what failed."""
        with self._one_at_a_time:
            self._still += 1
            self._stop()
            failures, self._failures = self._failures, []
        for event in failures:
            self._lines.tell(event)

    def _stream(self, event: Event) -> None:
        self._still += 1        # lines for standard output and a table would not go together
        self._stop()
        self._lines.tell(event)

    def _tell_said(self) -> None:
        for hosts, text in self._said.told():
            self._lines.tell(Event("say", hosts, text))

    def _start(self) -> None:
        if self._live is None:
            self._live = Live(
                get_renderable=self._drawn,
                console=self._lines.console,
                refresh_per_second=REFRESH,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _drawn(self) -> Table:
        """Return what fits on the terminal; called by the thread that draws."""
        console = self._lines.console
        rows = self._progress.rows(max(console.height - BESIDES, 1))
        widest = min(WIDEST_HOST, console.width // 3, max((cell_len(row.host) for row in rows), default=0))
        room = max(console.width - widest - SECONDS - WORD - 4 * GAP, 1)    # kept here: rich would take it from all columns alike
        drawn = Table.grid(padding=(0, GAP, 0, 0))
        drawn.add_column(no_wrap=True, overflow="ellipsis", width=widest)
        drawn.add_column(no_wrap=True, width=SECONDS, justify="right")
        drawn.add_column(no_wrap=True, width=WORD)
        drawn.add_column(no_wrap=True)
        for row in rows:
            text = Text(tame(" ".join(row.text.split())))
            text.truncate(room, overflow="ellipsis")
            drawn.add_row(Text(tame(row.host)), f"{row.seconds:.0f} s", Text(row.word, style=row.style), text)
        whole = Table.grid(expand=True)
        whole.add_column(no_wrap=True, overflow="ellipsis")
        whole.add_row(drawn)
        whole.add_row(Text(self._progress.headline(), style="bold"))
        return whole
