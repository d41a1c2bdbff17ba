"""Take the lock of a host away from whoever holds it, and have done what was owed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Read, Result
from opsbook.shell import Command, script
from opsbook.watch import LOCK, Pace, Watch, on_host
from opsbook.watch.debts import Payment
from opsbook.watch.holder import Holder, described
from opsbook.watch.talk import Talk

NOBODY, NOT_A_WATCH = 66, 65


def holder(lock: str = LOCK) -> Read[str]:
    """Return the question who holds the lock; nothing when nobody does."""
    return Read(script(on_host.LOOK, lock), _told, answers=frozenset({0, NOBODY}))


def _told(found: Result) -> str:
    return "" if found.code == NOBODY else described(found.out, silence=Pace().silence)


class Reach(Protocol):
    """The part of a connection that an eviction needs."""

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        """Run a command."""

    def talk(self, command: Command) -> Talk:
        """Start a long-lived process."""


@dataclass(frozen=True)
class Eviction:
    """The lock of one host, about to be taken away."""

    reach: Reach
    me: Holder
    lock: str = LOCK
    pace: Pace = field(default_factory=Pace)

    def look(self) -> str:
        """Return who holds the lock, since when and how lively, or nothing when nobody does."""
        found = self.reach.run(script(on_host.LOOK, self.lock), None, 30)
        return "" if found.code == NOBODY else described(found.out, silence=self.pace.silence)

    def evict(self, grace: float = 60) -> tuple[Payment, ...]:
        """End the holder's watch, then be the next holder for a moment, so that nothing stays owed; return what was done."""
        ended = self.reach.run(script(on_host.EVICT, self.lock, f"{grace:g}"), None, grace + 30)
        if ended.code == NOT_A_WATCH:
            raise Refused(
                "the lock is held by a process that is not a watch of opsbook, or is another user's",
                saw=ended.err.strip(), next=f"on the host: sudo fuser -v {self.lock}", host=self.me.host,
            )
        if ended.code not in (0, NOBODY):
            raise CommandFailed(f"the lock could not be freed (exit code {ended.code})", saw=ended.err.strip(), host=self.me.host)
        watch = Watch.take(self.reach.talk, self.me, pace=self.pace, lock=self.lock)
        told = (*watch.opening.payments, *watch.release())
        named = {payment.name for payment in told}
        by_the_evicted = (Payment(name, 0) for name in ended.out.split() if name not in named)
        return (*by_the_evicted, *told)
