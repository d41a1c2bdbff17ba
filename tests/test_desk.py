from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from opsbook.desk import Asking, Desk
from opsbook.errors import Declined, Interrupted, Refused
from opsbook.stop import Stop

ASKINGS = (Asking("vps-i1", "192.0.2.10", "reload Prometheus"),)


def answering(*answers: str) -> Callable[[str], str]:
    left = list(answers)
    return lambda _question: left.pop(0)


def test_yes_answers_for_a_mild_risk_only() -> None:
    desk = Desk(Stop(), yes=True, terminal=False)
    desk.allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")
    with pytest.raises(Refused, match="--confirm=vps-i1"):
        desk.allow(ASKINGS, ("vps-i1",), "restore-block", "severe", "")


def test_a_severe_risk_wants_the_hosts_name() -> None:
    Desk(Stop(), confirm=("vps-i1",), terminal=False).allow(ASKINGS, ("vps-i1",), "restore-block", "severe", "")
    Desk(Stop(), line=answering("vps-i1")).allow(ASKINGS, ("vps-i1",), "restore-block", "severe", "")
    for wrong in ("y", "vps-i2", ""):
        with pytest.raises(Declined) as declined:
            Desk(Stop(), line=answering(wrong)).allow(ASKINGS, ("vps-i1",), "restore-block", "severe", "")
        assert (declined.value.saw, declined.value.next) == ('what was typed is not "vps-i1"', "run it again, and type vps-i1")


def test_a_severe_risk_wants_the_names_of_all_hosts_of_the_run_before_the_first_change() -> None:
    names = ("vps-i1", "serverA")
    with pytest.raises(Refused, match="--confirm=vps-i1 --confirm=serverA"):
        Desk(Stop(), confirm=("vps-i1",), terminal=False).allow(ASKINGS, names, "restore-block", "severe", "")
    with pytest.raises(Declined):
        Desk(Stop(), line=answering("vps-i1")).allow(ASKINGS, names, "restore-block", "severe", "")
    Desk(Stop(), line=answering("vps-i1,serverA")).allow(ASKINGS, names, "restore-block", "severe", "")


def test_the_question_names_the_hosts_that_come_later(capsys: pytest.CaptureFixture[str]) -> None:
    Desk(Stop(), line=answering("y")).allow(ASKINGS, ("vps-i1", "serverA", "serverB"), "reload-rules", "mild", "")
    assert "on: serverA, serverB" in capsys.readouterr().err


def test_another_hosts_name_does_not_confirm() -> None:
    with pytest.raises(Refused):
        Desk(Stop(), confirm=("serverA",), terminal=False).allow(ASKINGS, ("vps-i1",), "restore-block", "severe", "")


@pytest.mark.parametrize("given", ["", "n", "no", "NO"])
def test_anything_but_yes_declines(given: str) -> None:
    with pytest.raises(Declined):
        Desk(Stop(), line=answering(given)).allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")


def test_a_typing_mistake_is_asked_about_once_more_and_never_means_yes() -> None:
    Desk(Stop(), line=answering("yess", "y")).allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")
    for second in ("huh", "n", ""):
        with pytest.raises(Declined):
            Desk(Stop(), line=answering("yess", second)).allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")


def test_the_question_tells_what_where_and_that_it_is_the_lab(capsys: pytest.CaptureFixture[str]) -> None:
    Desk(Stop(), line=answering("y"), lab="demo").allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")
    assert "reload-rules is about to reload Prometheus\n  on vps-i1 (192.0.2.10)  [LAB demo]" in capsys.readouterr().err


def test_without_a_terminal_a_missing_answer_names_the_flag() -> None:
    with pytest.raises(Refused, match="give --yes"):
        Desk(Stop(), terminal=False).allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")


def test_a_closed_terminal_is_a_no() -> None:
    def closed(_question: str) -> str:
        raise EOFError

    with pytest.raises(Declined):
        Desk(Stop(), line=closed).allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")


def test_ctrl_c_at_a_question_interrupts() -> None:
    def interrupted(_question: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        Desk(Stop(), line=interrupted).allow(ASKINGS, ("vps-i1",), "reload-rules", "mild", "")


@pytest.mark.parametrize("signal", [KeyboardInterrupt, EOFError])
def test_what_is_said_after_a_question_that_was_left_stands_on_a_line_of_its_own(
    signal: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    def left(question: str) -> str:
        sys.stderr.write(question)
        raise signal

    with pytest.raises((Interrupted, Declined)):
        Desk(Stop(), line=left).allow(ASKINGS, ("vps-i1",), "restore-block", "severe", "")
    assert capsys.readouterr().err.endswith("type vps-i1 to go on: \n")


def test_a_step_is_skipped_only_with_a_reason_and_only_where_it_may_be() -> None:
    assert Desk(Stop(), line=answering("s", "", "s", "done by hand")).step("h", "pull", may_skip=True) == ("skip", "done by hand")
    assert Desk(Stop(), line=answering("s", "")).step("h", "look", may_skip=False) == ("run", "")


def test_yes_is_no_answer_to_a_step_done_by_hand() -> None:
    with pytest.raises(Refused):
        Desk(Stop(), yes=True, terminal=False).manual("vps-i1", "is the disk mounted?")


def test_what_is_asked_is_folded_between_words_and_loses_none(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    risk = "afterwards sshd takes keys only, and nobody as root; a new login must have succeeded before"
    asked: list[str] = []

    def line(question: str) -> str:
        asked.append(question)
        return ",".join(names)

    names = tuple(f"server{letter}" for letter in "ABCDEFG")
    askings = tuple(Asking(name, "192.0.2.1", "make the user claude-admin") for name in names)
    Desk(Stop(), line=line).allow(askings, names, "provision-host", "severe", risk)
    shown = capsys.readouterr().err
    assert max(map(len, shown.splitlines())) < 40
    assert risk in " ".join(shown.split())
    assert asked == [f"type\n    {','.join(names)}\n    to go on: "]
