"""How far a run on several hosts has come: what the live table shows, without a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opsbook.events import Event
from opsbook.screen.lines import waiting

CONNECTING = "connecting"


@dataclass(frozen=True)
class Row:
    """One host: how long it has been running or ran, a word, and what it does or did last."""

    host: str
    seconds: float
    word: str
    text: str
    style: str = ""


@dataclass
class Going:
    """A host that runs now."""

    since: float
    text: str


class Progress:
    """Takes events from many threads; another one asks for the rows."""

    def __init__(self, hosts: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._hosts, self._clock, self._begun = hosts, clock, clock()
        self._going: dict[str, Going] = {}
        self._failed: dict[str, Row] = {}
        self._why: dict[str, str] = {}
        self._ready: set[str] = set()
        self._done: set[str] = set()
        self._one_at_a_time = threading.Lock()

    def take(self, event: Event) -> None:
        """Take an event of a host; those of the whole run are none of the table's."""
        if not event.host:
            return
        with self._one_at_a_time:
            if event.kind == "connect":
                self._ready.discard(event.host)
                self._going[event.host] = Going(self._clock(), CONNECTING)
            elif event.kind == "ready":
                self._going.pop(event.host, None)
                self._ready.add(event.host)
            elif event.kind == "end":
                self._end(event)
            elif event.host in self._going:
                self._note(event, self._going[event.host])

    def headline(self) -> str:
        """Return the counts, in words."""
        with self._one_at_a_time:
            waiting_for = self._hosts - sum(map(len, (self._done, self._failed, self._ready, self._going)))
            counts = (("done", self._done), ("failed", self._failed), ("ready", self._ready), ("running", self._going))
            words = [f"{len(hosts)} {word}" for word, hosts in counts if hosts]
            words += [f"{waiting_for} to come"] if waiting_for > 0 else []
            return f"{self._hosts} hosts: {', '.join(words)}  ({self._clock() - self._begun:.0f} s)"

    def rows(self, room: int) -> list[Row]:
        """Return as many rows as there is room for: failed hosts take at most half where others run, the newest first."""
        with self._one_at_a_time:
            failed = list(self._failed.values())[::-1]
            going = list(self._going_rows())
        shown = failed[: max(room - len(going), room // 2)]
        return shown + going[: room - len(shown)]

    def _going_rows(self) -> Iterator[Row]:
        now = self._clock()
        for host, one in self._going.items():
            yield Row(host, now - one.since, "running", one.text)

    def _end(self, event: Event) -> None:
        going = self._going.pop(event.host, None)
        self._ready.discard(event.host)
        if event.detail["code"] == 0:
            self._done.add(event.host)
            return
        seconds = self._clock() - going.since if going else 0.0
        self._failed[event.host] = Row(event.host, seconds, "FAILED", self._why.get(event.host, event.title), "red")

    def _note(self, event: Event, going: Going) -> None:
        if event.kind == "fail":
            self._why[event.host] = event.title
        elif event.kind == "wait":
            going.text = waiting(event).text
        elif event.kind in {"step", "write", "proof"}:
            going.text = event.title
        elif event.kind == "read" and going.text == CONNECTING:
            going.text = "looking"
