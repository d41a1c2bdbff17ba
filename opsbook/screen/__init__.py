"""What people see. The only importer of rich, and only for a terminal that can show it.

`lines` are the words, `plain` and `colours` print them; on a terminal the `board` shows the `progress` of several hosts as a table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from opsbook.answer import Answer
from opsbook.events import Event
from opsbook.folding import for_people
from opsbook.screen.colours import Colours
from opsbook.screen.plain import Plain
from opsbook.screen.terminal import tame

__all__ = ["Colours", "Plain", "Screen", "first_line", "open_screen"]


class Screen(Protocol):
    """Talk goes to standard error, answers to standard output."""

    def tell(self, event: Event) -> None:
        """Show an event."""

    def answer(self, host: str, answer: Answer) -> None:
        """Show what a reading runbook answered."""

    def calm(self) -> AbstractContextManager[None]:
        """Until the block ends, draw over nothing: the operator is asked something."""

    def aside(self, text: str) -> None:
        """Show a text of opsbook's own, even from the handler of a signal."""

    def close(self) -> None:
        """The run is over: leave nothing on the screen that moves."""


def open_screen(environment: Mapping[str, str], *, hosts: int, debug: bool, live: bool = False) -> Screen:
    """Return a live table where that is wanted, or colours for a terminal, else plain lines (no terminal, NO_COLOR, TERM=dumb)."""
    plain = not sys.stderr.isatty() or environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb"
    if plain:
        return Plain(hosts, debug=debug)
    if hosts == 1 or not live:
        return Colours(hosts, debug=debug)
    from opsbook.screen.board import Board

    return Board(hosts)


def first_line(text: str) -> None:
    """Print the run's first line at once, before anything slow is imported."""
    os.write(2, (for_people(tame(text)) + "\n").encode(errors="replace"))
