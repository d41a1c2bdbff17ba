"""Ctrl-C, SIGTERM and SIGHUP: the first asks the run to stop at a safe point, the second Ctrl-C leaves at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from opsbook.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130


def _print(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


class Stop:
    """Whether the operator wants out, and which writes are still under way."""

    def __init__(self, say: Callable[[str], None] = _print) -> None:
        self._say = say
        self._asked = threading.Event()
        self._prompting = False
        self._in_flight: dict[str, str] = {}
        self._callbacks: list[Callable[[], None]] = []

    def ask(self) -> None:
        """Want out: every host stops at its next safe point."""
        self._asked.set()
        for callback in self._callbacks:
            threading.Thread(target=callback, daemon=True).start()

    def check(self) -> None:
        """Raise Interrupted when the operator wants out."""
        if self._asked.is_set():
            raise Interrupted("interrupted by the operator")

    def pause(self, seconds: float) -> None:
        """Wait that many seconds; raise Interrupted as soon as the operator wants out."""
        if self._asked.wait(seconds):
            self.check()

    def when_asked(self, callback: Callable[[], None]) -> None:
        """Call this, in a thread of its own, as soon as the operator wants out: it ends something that waits for the host."""
        self._callbacks.append(callback)
        if self._asked.is_set():    # the signal came first
            callback()

    @contextmanager
    def writing(self, host: str, title: str) -> Iterator[None]:
        """Remember a write while it is under way."""
        self._in_flight[host] = title
        try:
            yield
        finally:
            self._in_flight.pop(host, None)

    @contextmanager
    def prompting(self) -> Iterator[None]:
        """While the operator is asked something, an interrupt ends the question itself."""
        self._prompting = True
        try:
            yield
        except KeyboardInterrupt:
            raise Interrupted("interrupted by the operator") from None
        finally:
            self._prompting = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the three signals until the block ends; a no-op outside the main thread, which alone may do this."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._heard) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set() and number == signal.SIGINT:
            self._leave()
        self.ask()
        if self._prompting:
            raise KeyboardInterrupt
        waits = "; ".join(f"{host}: waiting for `{title}`" for host, title in self._in_flight.items())
        self._say(f"\nstopping at a safe point ({waits or 'no write is under way'}); Ctrl-C again leaves at once")

    def _leave(self) -> None:
        still = "; ".join(f"{host}: `{title}` still runs there" for host, title in self._in_flight.items())
        self._say(f"\nleft at once. {still or 'no write was under way'}; run the same command again to resume")
        os._exit(INTERRUPTED)
