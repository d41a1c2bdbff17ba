from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.answer import Answer
from opsbook.check import Seen
from opsbook.errors import AuthenticationFailed, Bug, ConnectionLost, Interrupted, Locked, NothingToUndo, Refused, Unreachable
from opsbook.host import Host, Read, Result, Write
from opsbook.options import Options
from opsbook.page import read_page
from opsbook.record import Record
from opsbook.runbook import Undoable
from opsbook.shell import cmd
from opsbook.watch.debts import Payment
from opsbook.watch.opening import Opening
from tests.runner.jobs import FakeWatch, World, book, reading

A_STEP = '''
def turn(host, p):
    """Turn."""


def is_turned(host, p):
    """It is turned."""


ON, STEPS, PROOF = "stack", (turn,), (is_turned,)
'''

CHANGE = Write(cmd("change"), "change it")
BACK = Write(cmd("back"), "put it back")
STATE = Read(cmd("state"), lambda result: result.out)


def look(host: Host, p: object) -> None:
    """Look around."""
    host.read(STATE)


def change(host: Host, p: object) -> None:
    """Change it."""
    host.keep(old="before")
    host.write(CHANGE)


def put_back(host: Host, p: object) -> None:
    """Put it back."""
    host.write(BACK)


def is_changed(host: Host, p: object) -> Seen:
    """It is changed."""
    state = host.read(STATE)
    return Seen(state == "changed", saw=f"state {state}")


def is_as_before(host: Host, p: object) -> Seen:
    """It is as before."""
    return Seen(host.read(STATE) == "before", saw="not as before")


PLAIN = book((look, change), (is_changed,))
WITH_UNDO = book((look, change), (is_changed,), (put_back,), (is_as_before,))


def world(*states: str, change_answer: Result | BaseException | str = "", back: Result | str = "") -> World:
    made = World()
    made.transport.teach(STATE, *states)
    made.transport.teach(CHANGE, change_answer)
    made.transport.teach(BACK, back)
    return made


def codes(ended: list[object]) -> list[int]:
    return [one.code for one in ended]  # type: ignore[attr-defined]


def test_a_run_that_changed_and_proved_is_done() -> None:
    made = world("before", "changed")
    (ended,) = made.run(PLAIN)
    assert (ended.code, ended.changed, ended.state) == (0, True, "changed, and proven")
    assert made.kinds("step", "proof") == ["step: Look around", "step: Change it", "proof: It is changed"]
    assert made.watch.released


def test_the_record_is_made_before_the_first_write_and_closed_after_the_proof() -> None:
    made = world("before", "changed")
    made.run(PLAIN)
    first, last = (json.loads(text) for text in made.transport.records)
    assert (first["phase"], first["kept"], first["started"]) == ("do", {"old": "before"}, 1_700_000_000.0)
    assert last["phase"] == "proven"


def test_a_run_that_writes_nothing_leaves_no_record() -> None:
    made = world("changed")
    (ended,) = made.run(book((look,), (is_changed,)))
    assert (ended.code, ended.state) == (0, "already so, and proven: nothing was changed")
    assert made.transport.records == []


def test_a_proof_that_is_not_true_without_undo_gives_4_and_leaves_the_record_open() -> None:
    made = world("before", "broken")
    (ended,) = made.run(PLAIN)
    assert ended.code == 4
    assert ended.proofs[0].saw == "state broken"
    assert len(made.transport.records) == 1


def test_a_proof_that_is_not_true_is_undone_and_the_undo_proven() -> None:
    made = world("before", "broken", "before")
    (ended,) = made.run(WITH_UNDO)
    assert (ended.code, ended.state) == (5, "changed, then undone, and the undo is proven")
    assert [json.loads(text)["phase"] for text in made.transport.records] == ["do", "undo", "undone"]


def test_a_step_that_fails_after_the_first_write_is_undone() -> None:
    made = world("before", "before", change_answer=Result(1, "", "boom"))
    assert codes(made.run(WITH_UNDO)) == [5]
    assert "back" in made.transport.asked


def test_an_undo_that_fails_needs_a_human() -> None:
    made = world("before", "broken", back=Result(1, "", "no"))
    assert codes(made.run(WITH_UNDO)) == [6]


def test_with_nothing_to_put_back_the_failed_proof_keeps_its_code_and_a_rerun_goes_on() -> None:
    def refuse(host: Host, p: object) -> None:
        """Put nothing back."""
        raise NothingToUndo("no file was changed")

    made = world("before", "broken")
    (ended,) = made.run(book((look, change), (is_changed,), (refuse,), (is_as_before,)))
    assert (ended.code, ended.state) == (4, "changed, but the proof is not true")
    assert [json.loads(text)["phase"] for text in made.transport.records] == ["do", "undo", "do"]


def test_an_undo_that_is_not_proven_needs_a_human() -> None:
    made = world("before", "broken", "still broken")
    assert codes(made.run(WITH_UNDO)) == [6]


def test_evidence_is_gathered_before_anything_is_undone() -> None:
    def logs(host: Host, p: object) -> str:
        """Logs."""
        return host.read(Read(cmd("logs"), lambda result: result.out))

    made = world("before", "broken", "before")
    made.transport.teach(cmd("logs"), "it broke")
    made.run(book((look, change), (is_changed,), (put_back,), (is_as_before,), evidence=(logs,)))
    assert made.transport.asked.index("logs") < made.transport.asked.index("back")
    (kept,) = (event.detail for event in made.events if event.kind == "evidence")
    assert kept == {"text": "it broke", "next": "opsbook history show 261121-0105-aaaa"}


def test_a_look_that_refuses_changes_nothing() -> None:
    def refuse(host: Host, p: object) -> None:
        """Refuse."""
        raise Refused("no")

    made = world("before")
    (ended,) = made.run(book((refuse, change), (is_changed,)))
    assert (ended.code, ended.changed, ended.state) == (3, False, "nothing was changed")
    assert made.transport.asked == []


def test_a_connection_lost_during_a_write_is_never_undone_blindly() -> None:
    made = world("before", change_answer=ConnectionLost("gone"))
    (ended,) = made.run(WITH_UNDO)
    assert (ended.code, ended.changed) == (1, True)
    assert "back" not in made.transport.asked


def test_a_write_is_not_sent_once_the_lock_is_lost() -> None:
    made = world("before")
    made.watch = FakeWatch(lost=True)
    (ended,) = made.run(PLAIN)
    assert ended.code == 3
    assert "change" not in made.transport.asked


def test_an_interrupt_after_a_write_does_not_undo() -> None:
    def interrupt(host: Host, p: object) -> None:
        """Interrupt."""
        raise Interrupted("ctrl-c")

    made = world("before")
    (ended,) = made.run(book((change, interrupt), (is_changed,), (put_back,), (is_as_before,)))
    assert ended.code == 130
    assert "back" not in made.transport.asked


def interrupted(*undo: object) -> World:
    def interrupt(host: Host, p: object) -> None:
        """Interrupt."""
        raise Interrupted("ctrl-c")

    made = world("before")
    made.run(book((change, interrupt), (is_changed,), undo, (is_as_before,) if undo else ()))  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize(("undo", "ways"), [
    ((put_back,), "finish it: opsbook make-it-so vps-i1; or opsbook undo 261121-0105-aaaa vps-i1"),
    ((), "finish it: opsbook make-it-so vps-i1"),
])
def test_the_end_of_a_run_that_was_interrupted_half_way_says_what_to_type(undo: tuple[object, ...], ways: str) -> None:
    (end,) = (event for event in interrupted(*undo).events if event.kind == "end")
    assert end.detail["next"] == ways


def test_a_killed_write_is_told_with_what_finishes_it_also_as_another_user() -> None:
    made = world("before", change_answer=ConnectionLost("gone"))
    (ended,) = made.run(WITH_UNDO, options=Options(yes=True, as_="root"))
    assert ended.ways_on == "finish it: opsbook make-it-so vps-i1 --as root; or opsbook undo 261121-0105-aaaa vps-i1 --as root"


def test_an_undo_that_was_interrupted_is_finished_by_the_undo_of_the_same_run() -> None:
    def interrupt(host: Host, p: object) -> None:
        """Interrupt."""
        host.write(BACK)
        raise Interrupted("ctrl-c")

    made = world("before")
    old = Record("261120-0900-zzzz", "make-it-so", {}, "ben@laptop", 1.0, "proven", {"old": "kept"})
    (ended,) = made.run(book((change,), (is_changed,), (interrupt,), (is_as_before,)), undoing=old)
    assert (ended.code, ended.ways_on) == (130, "finish its undo: opsbook undo 261120-0900-zzzz vps-i1")


@pytest.mark.parametrize("undoable", [None, lambda kept, p: kept == {"old": "before"}, lambda kept, p: False])
def test_a_run_offers_to_be_taken_back_only_where_its_runbook_says_that_something_can_be(undoable: Undoable | None) -> None:
    made = world("before", "changed")
    (ended,) = made.run(replace(WITH_UNDO, undoable=undoable))
    assert ended.record == ("" if undoable and not undoable({"old": "before"}, None) else "261121-0105-aaaa")


def test_a_run_that_changed_nothing_or_ended_has_nothing_to_finish() -> None:
    made = world("before", "changed")
    assert [one.ways_on for one in made.run(WITH_UNDO)] == [""]
    made = world("before")
    made.stop.ask()
    assert [(one.code, one.ways_on) for one in made.run(WITH_UNDO)] == [(130, "")]


def test_without_a_yes_nothing_is_changed() -> None:
    made = world("before")
    made.answers = ["n"]
    (ended,) = made.run(PLAIN, options=Options())
    assert (ended.code, ended.changed) == (9, False)
    assert "change" not in made.transport.asked


def test_the_question_comes_after_the_looks_and_before_the_first_write() -> None:
    made = world("before", "changed")
    made.answers = ["y"]
    assert codes(made.run(PLAIN, options=Options())) == [0]
    assert made.questions == ["go on? [y/N] "]
    assert made.transport.asked[0] == "state"


def test_a_plan_asks_nothing_locks_nothing_and_changes_nothing() -> None:
    made = world("before")
    (ended,) = made.run(PLAIN, options=Options(plan=True))
    assert (ended.code, ended.state) == (0, "plan only: nothing was changed")
    assert made.transport.asked == ["date +%s.%N", "the open record", "state"]
    assert made.kinds("then") == ["then: change it", "then: It is changed"]
    assert made.transport.records == []
    assert not made.watch.released


def an_open_record(phase: str = "do", runbook: str = "make-it-so", params: dict[str, object] | None = None) -> FakeWatch:
    record = Record("261120-0900-zzzz", runbook, params or {}, "ben@laptop", 1_600_000_000.0, phase, {"old": "kept"})  # type: ignore[arg-type]
    body = {
        "id": record.id,
        "runbook": runbook,
        "params": params or {},
        "operator": record.operator,
        "started": record.started,
        "phase": phase,
        "kept": record.kept,
    }
    return FakeWatch(Opening(1_700_000_000.0, (), json.dumps(body)))


def planned(watch: FakeWatch, **options: bool) -> tuple[int, list[str]]:
    """Return how a plan ends on a host with that open record, and what it says of it."""
    made = world("before")
    made.transport.open_record = watch.opening.text
    (ended,) = made.run(PLAIN, options=Options(plan=True, **options))
    assert made.transport.records == []
    return ended.code, [line for line in made.kinds("say") if "unfinished" in line]


def test_a_plan_says_where_the_real_run_would_be_refused() -> None:
    told = "say: without --plan this is refused now: an unfinished run is on record: 261120-0900-zzzz, another by ben@laptop"
    way = "phase do; it was never proven; finish it: run another as it was run then: opsbook history --on vps-i1; or add --discard"
    assert planned(an_open_record(runbook="another")) == (0, [f"{told} ({way})"])


def test_a_plan_says_where_the_real_run_would_go_on_or_drop_what_is_on_record() -> None:
    assert planned(an_open_record()) == (0, ["say: without --plan this goes on with the unfinished run 261120-0900-zzzz of ben@laptop"])
    undo = "say: without --plan this finishes the undo of the unfinished run 261120-0900-zzzz of ben@laptop"
    assert planned(an_open_record(phase="undo")) == (0, [undo])
    dropped = "say: without --plan this drops what the unfinished run 261120-0900-zzzz of ben@laptop has on record"
    for watch in (an_open_record(runbook="another"), an_open_record()):
        assert planned(watch, discard=True) == (0, [dropped])
    assert planned(FakeWatch()) == (0, [])


def test_a_plan_of_a_run_that_drops_a_damaged_record_is_not_refused_either() -> None:
    for discard, code in ((False, 3), (True, 0)):
        made = world("before")
        made.transport.open_record = "{ not whole"
        assert codes(made.run(PLAIN, options=Options(plan=True, discard=discard))) == [code]
    assert "say: without --plan this drops a record that cannot be understood" in made.kinds("say")


def test_the_same_run_adopts_an_unfinished_record_with_its_start_and_kept_values() -> None:
    seen: dict[str, object] = {}

    def remember(host: Host, p: object) -> None:
        """Remember."""
        seen.update(started=host.run.started, kept=dict(host.run.kept))

    made = world("changed")
    made.watch = an_open_record()
    (ended,) = made.run(book((remember,), (is_changed,)))
    assert seen == {"started": 1_600_000_000.0, "kept": {"old": "kept"}}
    assert ended.code == 0
    assert json.loads(made.transport.records[-1])["id"] == "261120-0900-zzzz"


def test_a_run_adopted_half_way_is_undone_when_it_fails_even_if_it_wrote_nothing_itself() -> None:
    made = world("broken", "before")
    made.watch = an_open_record()
    assert codes(made.run(book((), (is_changed,), (put_back,), (is_as_before,)))) == [5]


def test_a_run_adopted_half_way_whose_look_fails_is_left_for_a_rerun_or_an_undo() -> None:
    def look_in_vain(host: Host, p: object) -> None:
        """Look in vain."""
        raise Refused("docker is down")

    made = world("before")
    made.watch = an_open_record()
    (ended,) = made.run(book((look_in_vain, change), (is_changed,), (put_back,), (is_as_before,)))
    assert (ended.code, ended.changed) == (1, True)
    assert "back" not in made.transport.asked
    assert made.transport.records == []
    assert ended.state.startswith("this run changed nothing; what an unfinished one has changed is still there, and not proven")


def test_a_login_that_an_earlier_run_may_have_shut_out_is_told_what_lets_it_in_and_not_to_ask_the_doctor() -> None:
    shuts = replace(WITH_UNDO, shuts_out={"root": "rm file && reload"})
    made = world()
    made.watch = AuthenticationFailed("no", host="vps-i1", next="opsbook doctor vps-i1")  # type: ignore[assignment]
    (ended,) = made.run(shuts, options=Options(yes=True, as_="root"))
    assert (ended.code, "opsbook doctor" in str(ended.error)) == (8, False)
    assert "as root: rm file && reload" in str(ended.error)
    assert "--as another login" in str(ended.error)
    for as_, host in ((None, "vps-i1"), ("root", "jump1")):
        made.watch = AuthenticationFailed("no", host=host, next=f"opsbook doctor {host}")  # type: ignore[assignment]
        (other,) = made.run(shuts, options=Options(yes=True, as_=as_))
        assert f"opsbook doctor {host}" in str(other.error)


def test_an_open_run_can_be_undone_by_its_id() -> None:
    made = world("before")
    made.watch = an_open_record()
    open_one = Record("261120-0900-zzzz", "make-it-so", {}, "ben@laptop", 1.0, "do", {"old": "kept"})
    assert codes(made.run(WITH_UNDO, undoing=open_one)) == [0]
    assert "back" in made.transport.asked
    assert json.loads(made.transport.records[-1])["phase"] == "undone"
    assert made.transport.marked


def test_an_unfinished_undo_of_another_run_is_not_mistaken_for_this_one() -> None:
    made = world("before")
    made.watch = an_open_record(phase="undo")
    other = Record("261120-0800-yyyy", "make-it-so", {}, "ben@laptop", 1.0, "proven", {"old": "other"})
    assert codes(made.run(WITH_UNDO, undoing=other)) == [3]
    assert "back" not in made.transport.asked


def test_a_killed_undo_of_this_run_is_taken_up_again() -> None:
    made = world("before")
    record = json.loads(an_open_record(phase="undo").opening.text)
    made.watch = FakeWatch(Opening(1_700_000_000.0, (), json.dumps({**record, "kept": {"undoes": "261120-0800-yyyy"}})))
    other = Record("261120-0800-yyyy", "make-it-so", {}, "ben@laptop", 1.0, "proven", {"old": "other"})
    assert codes(made.run(WITH_UNDO, undoing=other)) == [0]


def test_a_proven_run_whose_record_cannot_be_closed_is_told_and_not_undone() -> None:
    made = world("before", "changed")
    made.transport.record_code = 74
    (ended,) = made.run(WITH_UNDO)
    assert (ended.code, "its record stays open" in ended.state) == (1, True)
    assert ended.ways_on == "finish it: opsbook make-it-so vps-i1; or opsbook undo 261121-0105-aaaa vps-i1"
    assert all(proof.ok for proof in ended.proofs)
    assert "back" not in made.transport.asked


def test_an_undo_whose_record_cannot_be_closed_is_finished_by_itself() -> None:
    made = world("before")
    made.transport.record_code = 74
    old = Record("261120-0900-zzzz", "make-it-so", {}, "ben@laptop", 1.0, "proven", {"old": "kept"})
    (ended,) = made.run(WITH_UNDO, undoing=old)
    assert (ended.code, ended.ways_on) == (1, "finish its undo: opsbook undo 261120-0900-zzzz vps-i1")


def test_what_the_host_put_back_is_told_in_the_last_line_and_what_it_could_not_needs_a_human() -> None:
    made = world("changed")
    made.watch = FakeWatch(Opening(1_700_000_000.0, (Payment("start-loki", 0),)))
    (ended,) = made.run(book((look,), (is_changed,)))
    assert (ended.code, "the host did start loki" in ended.state) == (0, True)
    made = world("changed")
    made.watch = FakeWatch(owed=(Payment("start-loki", 1),))
    (ended,) = made.run(book((look,), (is_changed,)))
    assert (ended.code, "the host still owes start loki" in ended.state) == (6, True)


def test_a_look_at_a_steps_commands_keeps_nothing_for_the_real_step() -> None:
    def once(host: Host, p: object) -> None:
        """Change it once."""
        if not host.run.kept.get("sent"):
            host.keep(sent=True)
            host.write(CHANGE)

    made = world("changed")
    made.answers = ["c", ""]
    made.run(book((once,), (is_changed,)), options=Options(step=True, yes=True))
    assert made.transport.asked.count("change") == 1


def test_a_write_that_came_too_late_has_changed_nothing() -> None:
    late = Result(76, "", "opsbook: the lock on this host is no longer ours: nothing was run")
    made = world("before", change_answer=late)
    (ended,) = made.run(WITH_UNDO)
    assert (ended.code, ended.changed) == (3, False)
    assert "back" not in made.transport.asked


@pytest.mark.parametrize(("answer", "says"), [
    (Result(124, seconds=100.2), "did not end in time: the host stopped it after 100 s"),
    (Result(143, seconds=120.1), "did not end in time: it was told to stop, and gave exit code 143 after 120 s"),
    (Result(137, seconds=3.0), "gave exit code 137"),       # somebody else has killed it
])  # fmt: skip
def test_a_write_that_did_not_end_in_time_says_who_stopped_it(answer: Result, says: str) -> None:
    made = world("before", change_answer=answer)
    (ended,) = made.run(PLAIN)
    assert (ended.code, says in str(ended.error)) == (1, True), ended.error


def test_a_write_that_ended_well_though_it_was_told_to_stop_is_done() -> None:
    (ended,) = world("before", "changed", change_answer=Result(0, seconds=130.0)).run(PLAIN)
    assert (ended.code, ended.error) == (0, None)


def test_a_write_without_an_answer_may_still_be_at_work_so_nothing_is_undone_beside_it() -> None:
    made = world("before", change_answer=TimeoutError())
    (ended,) = made.run(WITH_UNDO)
    assert (ended.code, "may still be at work on the host" in str(ended.error)) == (1, True), ended.error
    assert "back" not in made.transport.asked


def test_the_plan_of_an_undo_knows_what_the_run_had_kept() -> None:
    seen: dict[str, object] = {}

    def back(host: Host, p: object) -> None:
        """Back."""
        seen.update(host.run.kept)
        host.write(BACK)

    made = world("before")
    old = Record("261120-0900-zzzz", "make-it-so", {}, "ben@laptop", 1.0, "proven", {"old": "kept"})
    assert codes(made.run(book((change,), (is_changed,), (back,), (is_as_before,)), options=Options(plan=True), undoing=old)) == [0]
    assert seen == {"old": "kept"}
    assert "back" not in made.transport.asked


def test_an_unfinished_undo_is_finished_first() -> None:
    made = world("before")
    made.watch = an_open_record(phase="undo")
    assert codes(made.run(WITH_UNDO)) == [5]
    assert "change" not in made.transport.asked


@pytest.mark.parametrize("other", [{"runbook": "another"}, {"params": {"ref": "main"}}])
def test_another_run_refuses_and_names_the_unfinished_one(other: dict[str, object]) -> None:
    made = world("before")
    made.watch = an_open_record(**other)  # type: ignore[arg-type]
    (ended,) = made.run(PLAIN)
    assert ended.code == 3
    assert "261120-0900-zzzz" in str(ended.error)
    assert made.transport.asked == []


@pytest.mark.parametrize(("runbook", "params", "offered"), [
    ("restart-service", {"service": "loki"}, "finish it: opsbook restart-service loki vps-i1; or add --discard"),
    (
        "reload-rules", {"ref": "a b", "as_is": False, "restart": False},
        "finish it: opsbook reload-rules '--ref=a b' vps-i1; or opsbook undo 261120-0900-zzzz vps-i1; or add --discard",
    ),
    ("gone", {}, "finish it: run gone as it was run then: opsbook history --on vps-i1; or add --discard"),
])
def test_the_unfinished_run_of_another_runbook_is_finished_by_what_the_refusal_says(
    runbook: str, params: dict[str, object], offered: str
) -> None:
    made = world("before")
    made.watch = an_open_record(runbook=runbook, params=params)
    (ended,) = made.run(PLAIN)
    assert ended.error is not None
    assert ended.error.next == offered


def test_the_unfinished_run_of_a_runbook_that_only_the_site_has_is_finished_by_what_the_refusal_says(tmp_path: Path) -> None:
    path = tmp_path / "turn_over.py"
    path.write_text(f'"""Turn it over.\n\nWhen   x.\nRisk   mild: x.\nUndo   x.\n"""\n{A_STEP}')
    made = world("before")
    made.pages = {"turn-over": read_page(path, "")}
    made.watch = an_open_record(runbook="turn-over", params={})
    (ended,) = made.run(PLAIN)
    assert ended.error is not None
    assert ended.error.next == "finish it: opsbook turn-over vps-i1; or add --discard"


def test_discard_drops_the_unfinished_record_and_goes_on() -> None:
    made = world("before", "changed")
    made.watch = an_open_record(runbook="another")
    assert codes(made.run(PLAIN, options=Options(yes=True, discard=True))) == [0]
    assert made.transport.records[0] == "discarded"


def test_a_damaged_record_refuses_until_it_is_discarded() -> None:
    made = world("before", "changed")
    made.watch = FakeWatch(Opening(1_700_000_000.0, (), "{ not whole"))
    assert codes(made.run(PLAIN)) == [3]
    assert codes(made.run(PLAIN, options=Options(yes=True, discard=True))) == [0]


def test_undo_of_a_closed_run_gets_what_that_run_kept() -> None:
    seen: dict[str, object] = {}

    def back(host: Host, p: object) -> None:
        """Back."""
        seen.update(host.run.kept)
        host.write(BACK)

    made = world("before")
    old = Record("261120-0900-zzzz", "make-it-so", {}, "ben@laptop", 1.0, "proven", {"old": "kept"})
    assert codes(made.run(book((change,), (is_changed,), (back,), (is_as_before,)), undoing=old)) == [0]
    assert seen == {"old": "kept"}
    assert "change" not in made.transport.asked


def test_a_lock_held_by_another_operator_gives_7() -> None:
    made = world("before")
    made.watch = Locked("held by ben@laptop")  # type: ignore[assignment]
    (ended,) = made.run(PLAIN)
    assert ended.code == 7


def test_a_host_that_cannot_be_reached_gives_8_and_doctor_is_next() -> None:
    made = world("before")
    made.watch = Unreachable("no route to host")  # type: ignore[assignment]
    (ended,) = made.run(PLAIN)
    assert (ended.code, ended.error.next) == (8, "opsbook doctor vps-i1")  # type: ignore[union-attr]


def test_a_step_is_skipped_with_a_reason_and_asked_about_before_it_runs() -> None:
    made = world("changed")
    made.answers = ["", "s", "done by hand"]
    (ended,) = made.run(PLAIN, options=Options(step=True, yes=True))
    assert ended.code == 0
    assert "change" not in made.transport.asked
    assert "say: skipped: Change it (done by hand)" in made.kinds("say")


def test_a_steps_commands_are_shown_before_it_runs() -> None:
    made = world("before", "changed")
    made.answers = ["", "c", ""]
    (ended,) = made.run(PLAIN, options=Options(step=True, yes=True))
    assert ended.code == 0
    assert made.kinds("then") == ["then: change it"]
    assert made.transport.asked.count("change") == 1


def test_reading_asks_nothing_and_takes_no_lock() -> None:
    made = world("fine")
    (ended,) = made.run(reading(lambda host, p: Answer(data=host.read(STATE))), options=Options())
    assert (ended.code, ended.answer.data, ended.state) == (0, "fine", "looked only: nothing was changed")
    assert not made.watch.released


def test_trouble_in_an_answer_gives_10() -> None:
    (ended,) = world("x").run(reading(lambda host, p: Answer(trouble="two services are down")), options=Options())
    assert ended.code == 10


def test_a_write_in_a_reading_runbook_is_a_bug_that_raises() -> None:
    (ended,) = world("x").run(reading(lambda host, p: host.write(CHANGE)), options=Options())
    assert (ended.code, type(ended.bug)) == (70, Bug)
