from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from opsbook.check import Seen
from opsbook.host import Host, Read, Write
from opsbook.options import Options
from opsbook.record import Record
from opsbook.shell import Secret, cmd
from opsbook.watch.opening import Opening
from tests.runner.jobs import FakeWatch, World, book

STATE = Read(cmd("state"), lambda result: result.out)
CHANGE, BACK = Write(cmd("change"), "change it"), Write(cmd("back"), "put it back")
NEW, OLD = "the-new-password", "the-old-password"
FOUND = Record("261120-0900-zzzz", "make-it-so", {}, "ben@laptop", 1.0, "do", secrets={"new": "made-before"})


def turn(host: Host, p: object) -> None:
    """Give it a new password."""
    if host.kept_secret("new") is None:
        host.keep_secret("new", Secret(NEW))
    host.say(f"the new one is {host.run.secrets['new']}")
    host.write(CHANGE)
    host.keep_secret("old", Secret(OLD))


def turn_back(host: Host, p: object) -> None:
    """Give it the old one."""
    host.write(BACK)


def is_turned(host: Host, p: object) -> Seen:
    """It has the new password."""
    return Seen(host.read(STATE) == "new", saw=f"it has {host.run.secrets.get('new')}")


def is_back(host: Host, p: object) -> Seen:
    """It has the old password."""
    return Seen(host.read(STATE) == "old")


BOOK = book((turn,), (is_turned,), (turn_back,), (is_back,))


def world(*states: str, found: Record | None = None) -> World:
    made = World()
    if found is not None:
        text = json.dumps(asdict(found), indent=1)
        made.watch = FakeWatch(Opening(1_700_000_000.0, (), text))
    for question, *answers in ((STATE, *states), (CHANGE, ""), (BACK, "")):
        made.transport.teach(question, *answers)  # type: ignore[arg-type]
    return made


def records(made: World) -> list[dict[str, object]]:
    return [json.loads(text) for text in made.transport.records]


def test_a_secret_is_on_record_before_the_first_write_and_gone_when_the_run_is_proven() -> None:
    made = world("new")
    (ended,) = made.run(BOOK)
    assert ended.code == 0
    assert [one["secrets"] for one in records(made)] == [{"new": NEW}, {"new": NEW, "old": OLD}, {}]
    assert [one["kept"] for one in records(made)] == [{}, {}, {}]


def test_a_secret_is_gone_when_the_undo_is_proven() -> None:
    made = world("neither", "old")
    (ended,) = made.run(BOOK)
    assert ended.code == 5
    assert [one["phase"] for one in records(made)] == ["do", "do", "undo", "undone"]
    assert [bool(one["secrets"]) for one in records(made)] == [True, True, True, False]


def test_a_secret_stays_on_record_while_the_run_is_not_proven() -> None:
    made = world("neither")
    (ended,) = made.run(replace(BOOK, undo=(), undone=()))
    assert ended.code == 4
    assert records(made)[-1]["secrets"] == {"new": NEW, "old": OLD}


def test_a_rerun_takes_the_secret_of_the_killed_run_and_shows_neither() -> None:
    made = world("new", found=FOUND)
    (ended,) = made.run(BOOK)
    assert ended.code == 0
    assert "say: the new one is ***" in made.kinds("say")
    assert records(made)[0]["secrets"] == {"new": "made-before", "old": OLD}
    assert "made-before" not in repr(made.events) + repr(ended)


def test_an_undo_that_goes_on_has_the_secrets_of_its_record() -> None:
    seen: list[Secret | None] = []
    back = replace(BOOK, undo=(lambda host, p: seen.append(host.kept_secret("new")), turn_back))
    (ended,) = world("old", found=replace(FOUND, phase="undo")).run(back)
    assert (ended.code, [one.value for one in seen if one]) == (5, ["made-before"])


def test_what_a_run_has_kept_secret_is_shown_nowhere() -> None:
    made = world("neither", "old")
    (ended,) = made.run(BOOK)
    assert NEW not in repr(made.events) + repr(ended) + str(ended.error)
    assert NEW not in " ".join(made.transport.asked)


def test_no_way_back_is_promised_where_its_secrets_are_gone() -> None:
    (ended,) = world("new").run(BOOK)
    assert (ended.code, ended.record) == (0, "")


def test_a_plan_keeps_no_secret_on_the_host() -> None:
    made = world("old")
    made.run(BOOK, options=Options(plan=True))
    assert made.transport.records == []


@pytest.mark.parametrize("secrets", [{"new": "made-before"}, {}])
def test_a_discard_says_when_passwords_are_gone_with_the_record(secrets: dict[str, str]) -> None:
    made = world("new", found=replace(FOUND, runbook="another", secrets=secrets))
    (ended,) = made.run(BOOK, options=Options(yes=True, discard=True))
    assert ended.code == 0
    assert ("say: the passwords that were on record are gone with it" in made.kinds("say")) == bool(secrets)


ROTATION = replace(FOUND, runbook="rotate-password", params={"new": "generate", "to": "pass.txt"})
WAYS = "finish it: opsbook rotate-password --to=pass.txt vps-i1; or opsbook undo 261120-0900-zzzz vps-i1"


@pytest.mark.parametrize("discard", [False, True])
def test_the_only_copy_of_a_password_is_dropped_by_nobody_and_the_refusal_says_how_it_comes_home(discard: bool) -> None:
    made = world("new", found=ROTATION)
    (ended,) = made.run(BOOK, options=Options(yes=True, discard=discard))
    assert ended.code == 3
    assert ended.error is not None
    assert "it has passwords that nobody else has" in ended.error.saw
    assert ended.error.next == WAYS
    assert (made.transport.records, made.transport.asked) == ([], [])


def test_nor_does_the_same_run_drop_it() -> None:
    made = world("new", found=FOUND)
    (ended,) = made.run(BOOK, options=Options(yes=True, discard=True))
    assert (ended.code, made.transport.records) == (3, [])


def test_an_unfinished_run_without_a_password_is_dropped() -> None:
    made = world("new", found=replace(ROTATION, secrets={}))
    assert [one.code for one in made.run(BOOK, options=Options(yes=True, discard=True))] == [0]
    assert made.transport.records[0] == "discarded"


def test_whoever_undoes_that_very_run_may_drop_it() -> None:
    made = world("old", found=FOUND)
    made.run(BOOK, options=Options(yes=True, discard=True), undoing=FOUND)
    assert made.transport.records[0] == "discarded"


def test_a_run_that_could_not_hand_its_secret_over_goes_on_with_another_place_for_it() -> None:
    made = world("new", found=replace(FOUND, params={"new": "generate", "to": "/full/disk"}))
    (ended,) = made.run(replace(BOOK, not_compared=("to",)), params_shown={"new": "generate", "to": "/home/pw"})
    assert ended.code == 0
    assert next((one["id"], one["params"]) for one in records(made)) == (FOUND.id, {"new": "generate", "to": "/home/pw"})


def test_what_changes_the_host_is_still_compared() -> None:
    made = world("new", found=replace(FOUND, params={"new": "generate", "to": "/home/pw"}))
    (ended,) = made.run(replace(BOOK, not_compared=("to",)), params_shown={"new": "prompt", "to": "/home/pw"})
    assert (ended.code, made.transport.records) == (3, [])
