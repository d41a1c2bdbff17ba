"""A runbook on a stack that is made up: its steps, its undo, and which of its checks are not true."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from opsbook.check import Seen, look_once
from opsbook.events import Event
from opsbook.host import Host, Run
from tests.fake import ENTRY, FakeClock, FakeGuard, a_run, fake_host
from tests.runbooks.checkout_site import book
from tests.runbooks.fake_stack import FakeStack


@dataclass
class Site:
    """A runbook on such a stack."""

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    here: FakeStack = field(default_factory=FakeStack)
    events: list[Event] = field(default_factory=list)
    run: Run = field(default_factory=a_run)
    guard: FakeGuard = field(default_factory=FakeGuard)

    @property
    def host(self) -> Host:
        entry = replace(ENTRY, stack=self.here.stack)
        made = fake_host(self.here, entry=entry, run=self.run, guard=self.guard, events=self.events)
        clock = FakeClock()
        return replace(made, clock=clock, pause=clock.pause)

    @property
    def given(self) -> Any:
        return book(self.name).params(**self.params)

    def steps(self) -> Site:
        host = self.host
        for step in book(self.name).steps:
            step(host, self.given)
        return self

    def undo(self) -> Site:
        host = self.host
        for step in book(self.name).undo:
            step(host, self.given)
        return self

    def false(self, *only: str, undone: bool = False) -> dict[str, Seen]:
        """Return the checks that are not true, by name; of these names where some are given."""
        host, found = self.host, book(self.name)
        checks = found.undone if undone else found.proof
        seen = {check.__name__: look_once(host, check, self.given) for check in checks if not only or check.__name__ in only}
        return {name: one for name, one in seen.items() if not one.ok}

    @property
    def changes(self) -> list[str]:
        return [change.title for change in self.guard.writes]

    @property
    def said(self) -> str:
        return "\n".join(event.title for event in self.events)
