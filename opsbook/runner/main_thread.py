"""The main thread, which alone owns the terminal and hears signals."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from opsbook.errors import OpsbookError

T = TypeVar("T")
GLANCE = 0.2        # seconds between two looks for a signal: one that came just before a wait would be heard only after it


class MainThread:
    """Lets workers have something done by the thread that made this object."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._itself = threading.get_ident()

    def do(self, job: Callable[[], T]) -> T:
        """Return what the job returned in the main thread, or raise what it raised."""
        if threading.get_ident() == self._itself:
            return job()
        done, answers, errors = threading.Event(), list[T](), list[OpsbookError]()

        def in_main() -> None:
            try:
                answers.append(job())
            except OpsbookError as error:
                errors.append(error)
            finally:
                done.set()

        self._jobs.put(in_main)
        done.wait()
        if errors:
            raise errors[0]
        return answers[0]

    def finish(self) -> None:
        """Called when the work is over: `serve` returns."""
        self._jobs.put(None)

    def serve(self) -> None:
        """Called by the main thread: do the jobs until `finish`."""
        while (job := self._next()) is not None:
            job()

    def _next(self) -> Callable[[], None] | None:
        while True:
            with contextlib.suppress(Empty):
                return self._jobs.get(timeout=GLANCE)
