from __future__ import annotations

import pytest

from opsbook.check import Seen
from opsbook.errors import Refused, UsageError
from opsbook.host import Host, Write
from opsbook.inventory import HostEntry
from opsbook.options import Options
from opsbook.runner.brakes import amount
from opsbook.runner.fleet import batches
from opsbook.runner.outcome import overall
from opsbook.shell import cmd
from tests.runner.jobs import RecordingTransport, World, book

CHANGE = Write(cmd("change"), "change it")


def change(host: Host, p: object) -> None:
    """Change it."""
    if host.name == "bad":
        raise Refused("not here")
    host.write(CHANGE)


def is_fine(host: Host, p: object) -> Seen:
    """It is fine."""
    return Seen(ok=True)


BOOK = book((change,), (is_fine,))


def world(*names: str) -> World:
    made = World()
    for name in names:
        transport = RecordingTransport()
        transport.teach(CHANGE, "")
        made.transports[name] = transport
    return made


def test_each_host_ends_with_its_own_code_and_the_run_says_that_they_differ() -> None:
    ended = world("a", "bad", "c").run(BOOK, "a", "bad", "c")
    assert [(one.host, one.code) for one in ended] == [("a", 0), ("bad", 3), ("c", 0)]
    assert overall(one.code for one in ended) == 11


def test_several_hosts_are_confirmed_with_one_question() -> None:
    made = world("a", "b", "c")
    made.answers = ["y"]
    ended = made.run(BOOK, "a", "b", "c", options=Options())
    assert [one.code for one in ended] == [0, 0, 0]
    assert len(made.questions) == 1


def test_no_further_batch_starts_after_too_many_failures() -> None:
    made = world("bad", "b")
    ended = made.run(BOOK, "bad", "b", options=Options(yes=True, batch="1", max_fail="0"))
    assert [(one.code, one.changed) for one in ended] == [(3, False), (3, False)]
    assert made.transports["b"].asked == []


def test_codes_that_agree_are_the_runs_code_and_a_failed_undo_wins() -> None:
    assert overall([3, 3]) == 3
    assert overall([0, 6, 4]) == 6
    assert overall([0, 4]) == 11


def test_a_percentage_of_hosts_is_rounded_up() -> None:
    assert amount("25%", 5) == 2
    assert [len(batch) for batch in batches([HostEntry(str(n), "x") for n in range(5)], 2)] == [2, 2, 1]


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1.5", "%"])
def test_a_batch_that_is_no_number_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        amount(wrong, 5)


def test_no_host_at_all_is_an_error() -> None:
    made = World()
    with pytest.raises(UsageError, match="no host"):
        from opsbook.runner.fleet import run_all

        run_all(made._job(BOOK, [], Options(), {}, None), [])
