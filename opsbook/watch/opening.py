"""The first lines of the watch: who holds the lock, what was put back, the host's clock, the unfinished record."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from opsbook.errors import CommandFailed
from opsbook.record import Record, parse
from opsbook.watch.debts import Payment
from opsbook.watch.holder import Holder, busy, locked
from opsbook.watch.talk import Talk


@dataclass(frozen=True)
class Opening:
    """What the host said when it gave us the lock."""

    now: float                              # seconds since 1970 by the host's clock
    payments: tuple[Payment, ...] = ()      # debts of a killed watch, paid now or still owed
    text: str = field(default="", repr=False)

    @property
    def record(self) -> Record | None:
        """Return the unfinished record; raise Refused when it cannot be understood."""
        return parse(self.text) if self.text else None


class Listener:
    """Reads the opening lines; what it does not understand is the host's own complaint."""

    def __init__(self, talk: Talk, me: Holder, silence: float, settle: float) -> None:
        self._talk, self._me, self._silence, self._settle = talk, me, silence, settle
        self._payments: list[Payment] = []
        self._complaints: list[str] = []
        self._now, self._text = 0.0, ""

    def listen(self, *, first: float, further: float) -> Opening:
        """Return the opening once the lock is ours; each line may take that many seconds. Raise Locked with the holder."""
        patience = first
        while (line := self._next(patience)) != "held":
            self._take(line)
            patience = further
        return Opening(self._now, tuple(self._payments), self._text)

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "locked":
            raise locked(rest, self._me, silence=self._silence)
        if word == "busy":
            raise busy(self._me, self._settle)
        if word == "paid":
            self._payments.append(Payment.told(line))
        elif word == "open":
            now, _, text = rest.partition(" ")
            self._now, self._text = float(now), base64.b64decode(text).decode(errors="replace")
        else:
            self._complaints.append(line)

    def _next(self, within: float) -> str:
        try:
            return self._talk.receive(within)
        except EOFError:
            raise self._failed("the lock could not be taken") from None
        except TimeoutError:
            raise self._failed(f"the lock gave no answer within {within:g} s") from None

    def _failed(self, what: str) -> CommandFailed:
        return CommandFailed(what, saw="\n".join(self._complaints), next=f"opsbook doctor {self._me.host}", host=self._me.host)
