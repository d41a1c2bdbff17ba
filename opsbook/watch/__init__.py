"""One process on the host that holds the lock, notices that we are gone, and pays our debts; and our end of it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from opsbook.errors import ConnectionLost
from opsbook.shell import Command, script
from opsbook.watch import on_host
from opsbook.watch.debts import Payment, debt, paid
from opsbook.watch.holder import Holder
from opsbook.watch.opening import Listener, Opening
from opsbook.watch.talk import Talk

__all__ = ["LOCK", "Holder", "Opening", "Pace", "Payment", "Talk", "Watch", "debt", "paid"]

LOCK = "/run/lock/opsbook"


@dataclass(frozen=True)
class Pace:
    """How patient both ends are, in seconds; echo + beat must stay below silence, so that we give up before the host does."""

    beat: float = 5         # between two heartbeats
    echo: float = 20        # without an echo the connection counts as lost
    silence: float = 30     # without a heartbeat the host takes the operator for gone
    settle: float = 30      # for writes of an earlier run that are still under way
    paying: float = 330     # for what a killed predecessor left to be put back


class Watch:
    """The lock on one host while this object is alive and its heartbeats are echoed."""

    def __init__(
        self, talk: Talk, opening: Opening, lock: str, token: str, pace: Pace, on_lost: Callable[[], None] | None
    ) -> None:
        self.opening = opening
        self._on_lost = on_lost
        self._talk, self._lock, self._token, self._pace = talk, lock, token, pace
        self._one_at_a_time = threading.Lock()
        self._over = threading.Event()
        self._lost = False
        self._beats = 0
        self._heart = threading.Thread(target=self._live, name="heartbeat", daemon=True)
        self._heart.start()

    @classmethod
    def take(
        cls,
        talker: Callable[[Command], Talk],
        who: Holder,
        *,
        wait: float = 0,
        on_lost: Callable[[], None] | None = None,
        pace: Pace = Pace(),
        lock: str = LOCK,
    ) -> Watch:
        """Take the lock, waiting so long for it; raise Locked with its holder. `on_lost` ends what waits for a dead connection."""
        token, settle = secrets.token_hex(8), max(wait, pace.settle)
        talk = talker(script(on_host.WATCH, lock, str(wait), str(pace.silence), str(settle), who.to_json(), token))
        try:
            listener = Listener(talk, who, pace.silence, settle)
            opening = listener.listen(first=wait + settle + pace.echo, further=pace.paying)
        except BaseException:
            talk.close()
            raise
        return cls(talk, opening, lock, token, pace, on_lost)

    def beat(self) -> None:
        """Return when the host has just echoed us; raise ConnectionLost when it does not, and never again return."""
        with self._one_at_a_time:
            if self._lost or self._over.is_set():
                raise _vanished()
            self._beats += 1
            try:
                self._talk.send(str(self._beats))
                heard = self._talk.receive(self._pace.echo)
            except (TimeoutError, EOFError, ConnectionLost):
                heard = ""
            if heard != str(self._beats):
                self._lose()
                raise _vanished()

    def wrap(self, command: Command, within: float) -> Command:
        """Return the command as a write: refused once the lock is lost, not killed half-way by our vanishing, ended by its time limit."""
        return Command((*script(on_host.WRITE, self._lock, self._token, f"{within:g}").words, *command.words))

    def release(self) -> tuple[Payment, ...]:
        """Give the lock back; return what the host had to put back because we had not."""
        self._over.set()
        with self._one_at_a_time:
            payments = [] if self._lost else self._bye()
            self._talk.close()
        self._heart.join()
        return tuple(payments)

    def _bye(self) -> list[Payment]:
        payments = []
        try:
            self._talk.send("bye")
            while (line := self._talk.receive(self._pace.paying)) != "bye":
                payments.append(Payment.told(line))
        except (TimeoutError, EOFError, ConnectionLost):
            self._lost = True   # the host notices by itself and puts back what is owed
        return payments

    def _lose(self) -> None:
        self._lost = True
        self._talk.close()
        if self._on_lost is not None:
            self._on_lost()

    def _live(self) -> None:
        while not self._over.wait(self._pace.beat):
            try:
                self.beat()
            except ConnectionLost:
                return


def _vanished() -> ConnectionLost:
    return ConnectionLost("the host no longer hears us: the lock is lost", next="run the same command again: it resumes")
