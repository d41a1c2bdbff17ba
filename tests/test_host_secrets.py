from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from opsbook.errors import Bug
from opsbook.events import Event
from opsbook.shell import Secret
from tests.fake import a_run, fake_host


@dataclass
class FakeHands:
    """An operator who has one secret, and remembers what came back."""

    secret: str = "the-operators-own"
    got: list[tuple[str, str, str]] = field(default_factory=list)

    def obtain(self, what: str, source: str) -> Secret:
        return Secret(self.secret)

    def may_hand_over(self, what: str, to: str, secret: Secret | None) -> None:
        self.got.append(("asked", what, to))

    def hand_over(self, what: str, secret: Secret, to: str) -> None:
        self.got.append((secret.value, what, to))


def test_what_the_operator_gives_is_hidden_from_then_on() -> None:
    host = fake_host()
    host.hands = FakeHands()
    assert host.obtain("the new password", "prompt") == Secret("the-operators-own")
    assert host.mask("it is the-operators-own") == "it is ***"


def test_a_plan_asks_for_no_secret_and_hands_none_over_but_says_that_it_would() -> None:
    events, hands = list[Event](), FakeHands()
    host = fake_host(run=a_run(plan=True), events=events)
    host.hands = hands
    assert host.obtain("the new password", "prompt") != Secret("the-operators-own")
    host.may_hand_over("the new password", "terminal")
    host.hand_over("the new password", Secret("x"), "terminal")
    assert hands.got == []
    assert [event.title for event in events] == ["take the new password from the terminal", "hand over the new password: terminal"]


def test_a_secret_goes_where_it_may_go() -> None:
    host, hands = fake_host(), FakeHands()
    host.hands = hands
    host.may_hand_over("the new password", "!pass insert x")
    host.hand_over("the new password", Secret("x-y-z"), "!pass insert x")
    assert hands.got == [("asked", "the new password", "!pass insert x"), ("x-y-z", "the new password", "!pass insert x")]


def test_a_run_without_an_operator_takes_and_gives_no_secret() -> None:
    with pytest.raises(Bug):
        fake_host().obtain("the new password", "prompt")
