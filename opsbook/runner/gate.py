"""One question for the whole run, asked before its first write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opsbook.desk import Asking, Staying
from opsbook.errors import OpsbookError, Refused

Allow = Callable[[tuple[Asking, ...], tuple[Staying, ...]], None]


class Parked(Exception):
    """A host of several stands before its first write: it is left until all have looked and the operator agreed (no error)."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(asking.host)
        self.asking = asking


class Gate:
    """Opens for all or for none; `allow` asks the operator, and raises what a no raises."""

    def __init__(self, allow: Allow) -> None:
        self._allow = allow
        self._looking = False
        self._open = False
        self._refusal: OpsbookError | None = None
        self._agreed: dict[str, str] = {}       # by host: the change that the operator was shown
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Until the block ends, a host that comes to its first write is parked."""
        self._looking = True
        try:
            yield
        finally:
            self._looking = False

    def ask(self, askings: tuple[Asking, ...], staying: tuple[Staying, ...] = ()) -> None:
        """Return when the operator agrees to these changes, the others staying as they are; raise what the operator's no raises."""
        try:
            self._allow(askings, staying)
        except OpsbookError as refusal:
            self._refusal = refusal
            raise
        self._agreed = {asking.host: asking.change for asking in askings if not asking.by_hand}
        self._open = True

    def ask_by_hand(self, asking: Asking) -> None:
        """Return when the runbook may have the operator do something by hand; raise Parked while all look."""
        if self._looking:
            raise Parked(asking)

    def arrive(self, asking: Asking) -> None:
        """Return when this host may write; raise Parked, Refused where another change was agreed to, or what the operator's no raises."""
        if self._looking:
            raise Parked(asking)
        with self._one_at_a_time:
            if self._refusal:
                no = self._refusal
                raise type(no)(no.what, saw=no.saw, next=no.next, host=asking.host)
            if not self._open:
                self.ask((asking,))
        agreed = self._agreed.get(asking.host, asking.change)
        if agreed != asking.change:
            saw = f"agreed to: {agreed}\nnow:       {asking.change}"
            raise Refused("the host is not as it was when it was looked at", saw=saw, next="run it again", host=asking.host)
