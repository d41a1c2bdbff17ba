"""Lines of text, for logs, pipes and terminals that can do no more."""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

from opsbook.answer import Answer
from opsbook.events import Event
from opsbook.folding import for_people
from opsbook.screen.lines import Line, aligned, lines, waiting
from opsbook.screen.terminal import tame


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

    def calm(self) -> AbstractContextManager[None]:
        """Nothing moves here."""
        return nullcontext()

    def aside(self, text: str) -> None:
        """Print the text, waiting for nobody: the thread that a signal interrupts may be printing."""
        print(for_people(tame(text)), file=self._err, flush=True)

    def close(self) -> None:
        """Nothing moves here."""

    def _print_line(self, event: Event) -> None:
        print(tame(f"{event.host}: {event.title}" if self._several else event.title), file=self._out, flush=True)

    def _wait(self, event: Event) -> None:
        seen = f"{event.title} {event.detail.get('saw')}"
        if self._waited.get(event.host) != seen:
            self._waited[event.host] = seen
            self._talk(event.host, waiting(event))

    def _talk(self, host: str, line: Line) -> None:
        first = f"{host}  {line.word:<8} " if host else ""     # a word about the whole run
        text = line.text.replace("\n", "\n" + " " * len(first))    # a second line must not pass for one of ours
        print(tame((first + text).rstrip()), file=self._err, flush=True)
