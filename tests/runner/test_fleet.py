from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from opsbook.check import Seen
from opsbook.errors import Refused, Unreachable, UsageError
from opsbook.host import Host, Read, Result, Write
from opsbook.inventory import HostEntry
from opsbook.options import Options
from opsbook.runner.brakes import amount
from opsbook.runner.fleet import batches, run_all
from opsbook.runner.outcome import Ended, overall
from opsbook.shell import cmd
from tests.runner.jobs import RecordingTransport, World, book

STATE = Read(cmd("state"), lambda result: result.out)
CHANGE = Write(cmd("change"), "change it")
YES = Options(yes=True)


def look(host: Host, p: object) -> None:
    """Look."""
    if host.read(STATE) == "odd":
        raise Refused("not here")


def change(host: Host, p: object) -> None:
    """Change it."""
    if host.read(STATE) != "new":
        host.write(CHANGE)


def is_new(host: Host, p: object) -> Seen:
    """It is new."""
    return Seen(ok=host.read(STATE) == "new", saw="old")


BOOK = book((look, change), (is_new,))


def a_host(state: str = "old", *, becomes: str = "new") -> RecordingTransport:
    """Make a host that is so and becomes so by the change."""
    transport = RecordingTransport()
    transport.teach(STATE, state)
    transport.teach(CHANGE, "")
    transport.after(CHANGE, lambda: transport.teach(STATE, becomes))
    return transport


def gone() -> RecordingTransport:
    """Make a host that does not answer."""
    transport = RecordingTransport()
    transport.teach(STATE, Result(0))
    transport.after(STATE, lambda: transport.teach(STATE, Unreachable("no answer")))
    transport.teach(STATE, Unreachable("no answer"))
    return transport


def world(**hosts: RecordingTransport) -> World:
    made = World()
    made.transports.update(hosts)
    return made


def run(made: World, options: Options = YES) -> dict[str, Ended]:
    return {ended.host: ended for ended in made.run(BOOK, *made.transports, options=options)}


def codes(ended: dict[str, Ended]) -> dict[str, int]:
    return {name: one.code for name, one in ended.items()}


def changed(made: World) -> list[str]:
    return [name for name, transport in made.transports.items() if "change" in transport.asked]


def test_each_host_ends_with_its_own_code_and_the_run_says_that_they_differ() -> None:
    ended = run(world(a=a_host(), odd=a_host("odd"), c=a_host()))
    assert codes(ended) == {"a": 0, "odd": 3, "c": 0}
    assert overall(one.code for one in ended.values()) == 11


def test_codes_that_agree_are_the_runs_code_and_a_failed_undo_wins() -> None:
    assert overall([3, 3]) == 3
    assert overall([0, 6, 4]) == 6
    assert overall([0, 4]) == 11


# -- one question


def test_all_look_before_the_one_question_and_it_shows_who_changes_and_who_stays(capsys: pytest.CaptureFixture[str]) -> None:
    made = world(a=a_host(), same=a_host("new"), odd=a_host("odd"), gone=gone(), e=a_host())
    made.answers = ["y"]
    made.before_answer = lambda: seen.update(written=changed(made), looked=[n for n, t in made.transports.items() if t.asked])
    seen: dict[str, list[str]] = {}
    ended = run(made, Options())
    assert seen == {"written": [], "looked": ["a", "same", "odd", "gone", "e"]}
    assert len(made.questions) == 1
    assert codes(ended) == {"a": 0, "same": 0, "odd": 3, "gone": 8, "e": 0}
    table = capsys.readouterr().err
    assert "make-it-so is about to change 2 of 5 hosts" in table
    for row in ("a     192.0.2.1", "same  stays as it is  already so", "odd   stays as it is  not here", "gone  stays as it is  no answer"):
        assert row in table


def test_no_lock_is_held_and_no_connection_open_while_the_operator_thinks() -> None:
    made = world(a=a_host(), b=a_host())
    made.answers = ["y"]
    made.before_answer = lambda: seen.append((made.watch.released, [transport.closed for transport in made.transports.values()]))
    seen: list[tuple[bool, list[bool]]] = []
    assert codes(run(made, Options())) == {"a": 0, "b": 0}
    assert seen == [(True, [True, True])]


def test_a_no_leaves_every_host_as_it_is() -> None:
    made = world(a=a_host(), b=a_host(), same=a_host("new"))
    made.answers = ["n"]
    assert codes(run(made, Options())) == {"a": 9, "b": 9, "same": 0}
    assert changed(made) == []
    assert [transport.records for transport in made.transports.values()] == [[], [], []]


def test_without_a_terminal_nothing_is_changed_and_the_flag_is_named() -> None:
    made = world(a=a_host(), b=a_host())
    ended = run(made, Options())
    assert codes(ended) == {"a": 3, "b": 3}
    assert ended["a"].error is not None
    assert ended["a"].error.next == "give --yes"


def test_a_severe_risk_wants_the_names_of_those_that_change_and_of_no_others() -> None:
    made = world(a=a_host(), same=a_host("new"), c=a_host())
    made.answers = ["a,c"]
    severe = book((look, change), (is_new,), risk="severe")
    assert [one.code for one in made.run(severe, "a", "same", "c", options=Options())] == [0, 0, 0]


def test_nobody_is_asked_where_nothing_is_to_be_changed() -> None:
    made = world(a=a_host("new"), b=a_host("new"))
    assert codes(run(made, Options())) == {"a": 0, "b": 0}
    assert made.questions == []


def test_a_host_that_changed_while_the_operator_thought_is_left_alone() -> None:
    def by_title(host: Host, p: object) -> None:
        """Change it."""
        host.write(Write(cmd("change"), f"change {host.read(STATE)}"))

    made = world(a=a_host(), b=a_host())
    made.answers = ["y"]
    made.before_answer = lambda: made.transports["b"].teach(STATE, "other")
    ended = made.run(book((by_title,), (is_new,)), "a", "b", options=Options())
    assert [(one.code, one.changed) for one in ended] == [(0, True), (3, False)]


def test_what_is_to_be_done_by_hand_waits_for_the_one_question_too() -> None:
    def by_hand(host: Host, p: object) -> None:
        """Have it done."""
        host.ask("is the disk mounted?")
        host.write(CHANGE)

    made = world(a=a_host(), b=a_host())
    made.answers = ["y", "y", "y"]
    ended = made.run(book((look, by_hand), (is_new,)), "a", "b", options=Options(jobs=1))
    assert [one.code for one in ended] == [0, 0]
    assert made.questions == ["go on? [y/N] ", "a: is the disk mounted? [y/N] ", "b: is the disk mounted? [y/N] "]


# -- batches, canary, too many failures


def test_an_unreachable_host_does_not_stop_the_batches() -> None:
    made = world(gone=gone(), b=a_host(), c=a_host())
    assert codes(run(made, Options(yes=True, batch="1"))) == {"gone": 8, "b": 0, "c": 0}


def test_after_a_batch_in_which_a_changed_host_is_not_proven_no_other_starts() -> None:
    made = world(a=a_host(), bad=a_host(becomes="broken"), c=a_host(), d=a_host())
    ended = run(made, Options(yes=True, batch="50%"))
    assert codes(ended) == {"a": 0, "bad": 4, "c": 3, "d": 3}
    assert made.transports["c"].asked == []
    assert ended["d"].state == "not started, nothing was changed: bad was changed and is not proven"


def test_with_max_fail_the_batches_go_on_until_more_have_failed() -> None:
    made = world(bad=a_host(becomes="broken"), b=a_host(), gone=gone(), d=a_host())
    assert codes(run(made, Options(yes=True, batch="1", max_fail="1"))) == {"bad": 4, "b": 0, "gone": 8, "d": 3}


def test_max_fail_counts_within_a_batch_too() -> None:
    made = world(gone=gone(), odd=a_host("odd"), c=a_host())
    assert codes(run(made, Options(yes=True, max_fail="50%", jobs=1))) == {"gone": 8, "odd": 3, "c": 0}
    again = world(gone=gone(), odd=a_host("odd"), c=a_host())
    assert codes(run(again, Options(yes=True, max_fail="1", jobs=1))) == {"gone": 8, "odd": 3, "c": 3}
    assert again.transports["c"].asked == []


def test_too_many_failures_while_looking_spare_the_question() -> None:
    made = world(gone=gone(), b=a_host(), c=a_host())
    made.answers = ["y"]
    assert codes(run(made, Options(max_fail="0", jobs=1))) == {"gone": 8, "b": 3, "c": 3}
    assert made.questions == []


def test_the_canary_is_proven_before_any_other_host_is_changed() -> None:
    made = world(a=a_host(), b=a_host(), c=a_host())
    made.transports["a"].after(CHANGE, lambda: (seen.append(changed(made)), made.transports["a"].teach(STATE, "new")))
    seen: list[list[str]] = []
    assert codes(run(made, Options(yes=True, canary=True))) == {"a": 0, "b": 0, "c": 0}
    assert seen == [["a"]]


def test_a_canary_that_is_not_proven_leaves_the_others_untouched() -> None:
    made = world(a=a_host(becomes="broken"), b=a_host(), c=a_host())
    ended = run(made, Options(yes=True, canary=True))
    assert codes(ended) == {"a": 4, "b": 3, "c": 3}
    assert changed(made) == ["a"]
    assert ended["b"].state == "not started, nothing was changed: a was changed and is not proven"


def test_the_canary_is_the_first_host_that_has_something_to_change() -> None:
    made = world(same=a_host("new"), gone=gone(), c=a_host(becomes="broken"), d=a_host())
    assert codes(run(made, Options(yes=True, canary=True))) == {"same": 0, "gone": 8, "c": 4, "d": 3}


def test_canary_and_batches_are_asked_about_once() -> None:
    made = world(a=a_host(), b=a_host(), c=a_host(), d=a_host())
    made.answers = ["y"]
    assert set(codes(run(made, Options(canary=True, batch="2"))).values()) == {0}
    assert len(made.questions) == 1
    assert [event.title for event in made.events if not event.host][1:] == [
        "the canary a is proven; now the others",
        "batch of 2 hosts: 2 proven; 3 of 4 hosts are through",
        "batch of 1 host: 1 proven; 4 of 4 hosts are through",
    ]


def test_of_hosts_that_stay_as_they_are_no_batch_is_counted() -> None:
    made = world(same=a_host("new"), b=a_host(), c=a_host())
    made.answers = ["y"]
    assert set(codes(run(made, Options(batch="1"))).values()) == {0}
    assert [event.title for event in made.events if not event.host][1:] == [
        "batch of 1 host: 1 proven; 1 of the 2 hosts that change is through",
        "batch of 1 host: 1 proven; 2 of the 2 hosts that change are through",
    ]


def test_after_a_canary_alone_no_batch_is_told() -> None:
    made = world(same=a_host("new"), b=a_host(), c=a_host())
    made.answers = ["y"]
    assert set(codes(run(made, Options(canary=True))).values()) == {0}
    assert [event.title for event in made.events if not event.host][1:] == ["the canary b is proven; now the others"]


# -- Ctrl-C


def test_ctrl_c_while_all_look_changes_nothing() -> None:
    made = world(a=a_host(), b=a_host(), c=a_host())
    made.answers = ["y"]
    made.transports["a"].after(STATE, made.stop.ask)
    assert codes(run(made, Options(jobs=1))) == {"a": 130, "b": 130, "c": 130}
    assert (changed(made), made.questions, made.transports["c"].asked) == ([], [], [])


def test_ctrl_c_at_the_question_changes_nothing() -> None:
    made = world(a=a_host(), b=a_host())
    made.answers = ["y"]
    made.before_answer = interrupt
    assert codes(run(made, Options())) == {"a": 130, "b": 130}
    assert changed(made) == []


def interrupt() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_while_hosts_are_changed_tells_done_half_and_untouched_apart() -> None:
    made = world(a=a_host(), b=a_host(), c=a_host())
    made.transports["b"].after(CHANGE, made.stop.ask)
    ended = run(made, Options(yes=True, jobs=1))
    assert {name: (one.code, one.changed) for name, one in ended.items()} == {"a": (0, True), "b": (130, True), "c": (130, False)}
    assert ended["b"].state == "interrupted half-way; run it again to resume, or undo it"
    assert made.transports["c"].asked == []


def test_every_host_has_an_end_in_the_journal_also_one_that_never_started() -> None:
    made = world(a=a_host(becomes="broken"), b=a_host())
    run(made, Options(yes=True, canary=True))
    assert [(event.host, event.detail["code"]) for event in made.events if event.kind == "end"] == [("a", 4), ("b", 3)]


# -- how many at the same time


class Counting(RecordingTransport):
    """Counts how many are open at the same time."""

    open_now: set[int]
    most: list[int]
    lock = threading.Lock()

    def run(self, *asked: object) -> Result:
        with self.lock:
            self.open_now.add(id(self))
            self.most[0] = max(self.most[0], len(self.open_now))
        return super().run(*asked)  # type: ignore[arg-type]

    def close(self) -> None:
        with self.lock:
            self.open_now.discard(id(self))
        super().close()


@pytest.mark.parametrize("options", [Options(yes=True, jobs=7), Options(jobs=7), Options(yes=True, jobs=7, canary=True, batch="50")])
def test_of_300_hosts_no_more_than_jobs_are_connected_or_have_a_thread(options: Options) -> None:
    made, threads, Counting.open_now, Counting.most = World(), [0], set(), [0]
    made.answers = [] if options.yes else ["y"]
    before = threading.active_count()
    for number in range(300):
        transport = made.transports[f"web{number}"] = Counting()
        transport.teach(STATE, "old")
        transport.teach(CHANGE, "")
        transport.after(CHANGE, becoming_new(transport, threads))
    assert set(codes(run(made, options)).values()) == {0}
    assert 0 < Counting.most[0] <= 7
    assert not Counting.open_now
    assert threads[0] - before <= 7 + 1     # the one that waits for all


def becoming_new(transport: RecordingTransport, threads: list[int]) -> Callable[[], None]:
    def effect() -> None:
        transport.teach(STATE, "new")
        threads[0] = max(threads[0], threading.active_count())

    return effect


def test_with_step_one_host_comes_after_the_other() -> None:
    made = world(a=a_host(), b=a_host())
    made.answers = ["", "", "y", "", ""]
    assert codes(run(made, Options(step=True))) == {"a": 0, "b": 0}
    assert [question.partition(":")[0] for question in made.questions] == ["a", "a", "go on? [y/N] ", "b", "b"]


# -- numbers


def test_a_percentage_of_hosts_is_rounded_up() -> None:
    assert amount("25%", 5) == 2
    entries = [HostEntry(str(n), "x") for n in range(5)]
    assert [len(batch) for batch in batches(entries, 2)] == [2, 2, 1]
    assert [len(batch) for batch in batches(entries, 2, canary=True)] == [1, 2, 2]
    assert [len(batch) for batch in batches(entries, 0)] == [1] * 5


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1.5", "%", "²", "٣", "101%"])
def test_a_number_of_hosts_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError):
        amount(wrong, 5)


def test_a_batch_of_nobody_is_refused_and_no_failure_at_all_may_be_asked_for() -> None:
    for wrong in ("0", "0%"):
        with pytest.raises(UsageError, match="from 1 on, or from 1% to 100%"):
            amount(wrong, 5, least=1)
    assert (amount("0", 5), amount("100%", 5, least=1), amount("7", 5, least=1)) == (0, 5, 7)


@pytest.mark.parametrize("options", [Options(yes=True, batch="x"), Options(yes=True, batch="0"), Options(yes=True, max_fail="x")])
def test_a_wrong_number_is_an_error_before_any_host_is_contacted(options: Options) -> None:
    made = world(a=a_host())
    with pytest.raises(UsageError):
        run(made, options)
    assert made.transports["a"].asked == []


def test_no_host_at_all_is_an_error() -> None:
    with pytest.raises(UsageError, match="no host"):
        run_all(World()._job(BOOK, [], Options(), {}, None), [])
