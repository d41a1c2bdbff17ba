from __future__ import annotations

import pytest

from opsbook.check import Seen, all_of, expect, so, title, within
from opsbook.errors import CommandFailed, Interrupted, NotTrue, Refused
from opsbook.events import Event
from opsbook.host import Host
from tests.fake import a_run, fake_host


def counting(*answers: Seen | Exception):
    left = list(answers)

    def is_up(host: Host, p: None) -> Seen:
        """The service is up."""
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return is_up


UP, DOWN = Seen(ok=True, saw="up"), Seen(ok=False, saw="down", next="opsbook logs x")


def test_expect_says_the_sentence_what_was_seen_and_what_to_do_next() -> None:
    with pytest.raises(NotTrue) as caught:
        expect(fake_host(), counting(DOWN), None)
    assert str(caught.value) == "vps-i1: not true: The service is up\n  saw:  down\n  next: opsbook logs x"


def test_of_several_checks_the_first_that_is_not_true_is_told_and_the_later_ones_are_not_asked() -> None:
    assert all_of(fake_host(), None, counting(UP), counting(UP)).ok
    assert all_of(fake_host(), None, counting(UP), counting(DOWN), counting(CommandFailed("never asked"))) == DOWN


def test_a_wait_ends_as_soon_as_the_check_holds() -> None:
    host = fake_host()
    assert within(60, counting(DOWN, DOWN, UP))(host, None).ok
    assert host.clock() == 1001


def test_a_wait_ends_at_its_deadline_with_the_last_thing_seen() -> None:
    host = fake_host()
    seen = within(10, counting(DOWN))(host, None)
    assert (seen.ok, seen.saw, host.clock()) == (False, "down", 1010)


def test_a_wait_ends_at_once_when_waiting_cannot_help() -> None:
    host = fake_host()
    assert not within(60, counting(Seen(ok=False, final=True)))(host, None).ok
    assert host.clock() == 1000


def test_a_service_that_does_not_answer_yet_is_waited_for() -> None:
    assert within(60, counting(CommandFailed("refused"), UP))(fake_host(), None).ok


def test_a_service_that_does_not_run_counts_as_not_yet() -> None:
    assert within(60, counting(Refused("prometheus does not run"), UP))(fake_host(), None).ok
    assert not within(1, counting(Refused("prometheus does not run")))(fake_host(), None).ok


def test_an_interrupt_ends_a_wait() -> None:
    with pytest.raises(Interrupted):
        within(60, counting(Interrupted("ctrl-c")))(fake_host(), None)


def test_the_length_of_a_wait_may_come_from_the_stack() -> None:
    host = fake_host()
    within(lambda host: 3 * host.stack.scrape, counting(DOWN))(host, None)
    assert host.clock() == 1006


def test_a_waiting_check_keeps_its_sentence() -> None:
    assert title(within(1, counting(UP))) == "The service is up"


def test_after_a_plans_first_change_checks_are_shown_and_not_asked() -> None:
    events: list[Event] = []
    host = fake_host(run=a_run(plan=True), events=events)
    host.run.skipped = True
    expect(host, counting(AssertionError("asked")), None)
    assert so(host, counting(AssertionError("asked")), None) is False
    assert [(event.kind, event.title) for event in events] == [("then", "The service is up")]


def test_what_is_so_already_is_said() -> None:
    events: list[Event] = []
    assert so(fake_host(events=events), counting(UP), None)
    assert events[-1].title == "already so: The service is up"
