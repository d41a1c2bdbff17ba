"""One question for all hosts: every host looks first and waits here before its first write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

from opsbook.desk import Asking
from opsbook.errors import OpsbookError

T = TypeVar("T")


class MainThread:
    """Lets workers have something done by the main thread, which alone owns the terminal and hears signals."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def do(self, job: Callable[[], T]) -> T:
        """Called by a worker: return what the job returned in the main thread, or raise what it raised."""
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
        while (job := self._jobs.get()) is not None:
            job()


class Gate:
    """Opens for all or for none, once every host under way stands before it or has ended."""

    def __init__(self, allow: Callable[[tuple[Asking, ...]], None]) -> None:
        self._allow = allow             # gets the hosts that wait; the question is for the whole run
        self._left, self._at_once = 1, 1
        self._changed = threading.Condition()
        self._askings: list[Asking] = []
        self._asking = False
        self._open = False
        self._refusal: OpsbookError | None = None

    def expect(self, hosts: int, *, at_once: int) -> None:
        """A batch of that many hosts begins, so many of them at the same time."""
        with self._changed:
            self._left, self._at_once, self._askings = hosts, at_once, []

    def arrive(self, asking: Asking) -> None:
        """Return when the operator agrees; raise what the operator's no raises."""
        with self._changed:
            self._askings.append(asking)
            self._changed.notify_all()
            while not (self._open or self._refusal):
                if len(self._askings) >= min(self._left, self._at_once) and not self._asking:
                    self._ask()
                else:
                    self._changed.wait()
            if self._refusal:
                raise type(self._refusal)(self._refusal.what, next=self._refusal.next, host=asking.host)

    def leave(self) -> None:
        """A host ended without a write: the others no longer wait for it."""
        with self._changed:
            self._left -= 1
            self._changed.notify_all()

    def _ask(self) -> None:
        self._asking = True
        try:
            self._allow(tuple(self._askings))
            self._open = True
        except OpsbookError as refusal:
            self._refusal = refusal
        self._changed.notify_all()
