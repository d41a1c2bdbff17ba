from __future__ import annotations

import pytest

from opsbook.errors import Interrupted, Refused
from opsbook.host import Write
from opsbook.runner.other_login import OtherLogin
from opsbook.shell import cmd
from tests.fake import FakeGuard

CHANGE = Write(cmd("true"), "do it")


def test_a_further_login_of_another_user_writes_behind_the_guard_of_the_run() -> None:
    guard = FakeGuard()
    with OtherLogin(guard).writing(CHANGE):
        assert guard.writes == [CHANGE]
    guard.refuse = Refused("the lock is lost")
    with pytest.raises(Refused, match="the lock is lost"), OtherLogin(guard).writing(CHANGE):
        pass


def test_its_writes_are_bounded_in_time_and_ask_for_no_lock_that_it_may_not_see() -> None:
    assert OtherLogin(FakeGuard()).wrap(cmd("echo", "a b"), 5).line() == "timeout --preserve-status --kill-after=10 5 echo 'a b'"


def test_it_stops_when_the_operator_asks() -> None:
    with pytest.raises(Interrupted, match="now"):
        OtherLogin(FakeGuard(interrupted=Interrupted("now"))).stopped()
