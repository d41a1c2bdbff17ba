from __future__ import annotations

import io
import os
import pty
import select
import sys
import termios
from pathlib import Path

import pytest

from opsbook.cli.at_hand import AtHand
from opsbook.cli.handing_over import to_file
from opsbook.desk import Desk, ask_unseen
from opsbook.errors import CommandFailed, Declined, Refused
from opsbook.runner.main_thread import MainThread
from opsbook.shell import Secret
from opsbook.stop import Stop

WHAT = "the new password"
NEW = Secret("correct horse 'battery' $taple")


def at_hand(*typed: str, terminal: bool = True) -> AtHand:
    left = list(typed)
    return AtHand(Desk(Stop(), terminal=terminal, hidden=lambda _question: left.pop(0)), MainThread())


def test_a_generated_password_is_long_and_no_flag_and_never_the_same() -> None:
    made = {at_hand().obtain(WHAT, "generate").value for _ in range(500)}
    assert len(made) == 500
    assert {len(one) for one in made} == {32}
    assert [one for one in made if one.startswith("-")] == []


def test_a_typed_secret_is_asked_for_until_it_is_the_same_twice(capsys: pytest.CaptureFixture[str]) -> None:
    hands = at_hand("first", "furst", "", " second", " second", "third")
    assert hands.obtain(WHAT, "prompt") == Secret(" second")
    assert hands.obtain(WHAT, "prompt") == Secret(" second")      # another host of the same run
    said = capsys.readouterr().err
    assert "those two are not the same" in said
    assert "nothing was typed" in said
    assert "first" not in said


def test_without_a_terminal_a_secret_that_would_be_asked_for_names_the_other_ways() -> None:
    with pytest.raises(Refused, match="no terminal") as refused:
        at_hand(terminal=False).obtain(WHAT, "prompt")
    assert "standard input" in refused.value.next


def test_a_terminal_that_closes_is_a_no() -> None:
    def closed(_question: str) -> str:
        raise EOFError

    with pytest.raises(Declined):
        AtHand(Desk(Stop(), hidden=closed), MainThread()).obtain(WHAT, "prompt")


def test_the_one_line_of_standard_input_serves_all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{NEW.value}\nmore\n"))
    hands = at_hand()
    assert [hands.obtain(WHAT, "-"), hands.obtain(WHAT, "-")] == [NEW, NEW]


@pytest.mark.parametrize("text", ["", "\n", "with\x1bescape\n", "with\ttab\n"])
def test_an_empty_or_untypable_secret_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    with pytest.raises(Refused):
        at_hand().obtain(WHAT, "-")


def test_the_first_line_of_a_private_file_is_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{NEW.value}\nanything else\n")
    file.chmod(0o600)
    assert at_hand().obtain(WHAT, str(file)) == NEW


def test_a_file_that_others_may_read_is_refused_with_the_way_to_close_it(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret-enough\n")
    file.chmod(0o640)
    with pytest.raises(Refused, match="others may read") as refused:
        at_hand().obtain(WHAT, str(file))
    assert refused.value.next == f"chmod 600 {file}"
    assert "secret-enough" not in str(refused.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        at_hand().obtain(WHAT, str(tmp_path / name))


def test_a_file_takes_the_secret_for_its_owner_alone_and_keeps_it_on_a_second_time(tmp_path: Path) -> None:
    file = tmp_path / "new"
    at_hand().may_hand_over(WHAT, str(file), None)
    for _ in range(2):
        at_hand().hand_over(WHAT, NEW, str(file))
        assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{NEW.value}\n", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["new"]
    at_hand().may_hand_over(WHAT, str(file), NEW)


@pytest.mark.parametrize("before", ["another\n", "link"])
def test_a_file_that_is_there_is_never_overwritten(before: str, tmp_path: Path) -> None:
    file = tmp_path / "new"
    if before == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_text(before)
    for act in (at_hand().may_hand_over, lambda what, to, secret: at_hand().hand_over(what, secret, to)):
        with pytest.raises(Refused, match="there already"):
            act(WHAT, str(file), NEW)
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(Refused):
        at_hand().may_hand_over(WHAT, str(file), None)


def test_a_file_that_cannot_be_made_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be made"):
        at_hand().may_hand_over(WHAT, str(tmp_path / "no/such/folder"), None)


def test_one_file_takes_the_secret_of_one_host_and_the_others_are_refused_before_anything_changes(tmp_path: Path) -> None:
    hands, file = at_hand(), tmp_path / "new"
    hands.may_hand_over(WHAT, str(file), NEW)
    with pytest.raises(Refused, match="another host") as refused:
        hands.may_hand_over(WHAT, f"{tmp_path}/./new", Secret("made for another host"))
    assert "a --to of its own" in refused.value.next
    hands.may_hand_over(WHAT, str(tmp_path / "other"), Secret("made for another host"))


def test_one_file_takes_the_one_secret_that_all_hosts_get(tmp_path: Path) -> None:
    hands, file = at_hand(), str(tmp_path / "new")
    for _ in range(2):
        hands.may_hand_over(WHAT, file, NEW)
    for _ in range(2):
        hands.hand_over(WHAT, NEW, file)


def no_links(_new: str, _file: Path) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_a_file_system_without_hard_links_takes_it_too_and_overwrites_nothing(tmp_path: Path) -> None:
    file = tmp_path / "new"
    to_file(WHAT, NEW, str(file), no_links)
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{NEW.value}\n", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["new"]

    def meanwhile(_new: str, file: Path) -> None:
        file.write_text("another\n")
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(Refused, match="there already"):
        to_file(WHAT, NEW, str(tmp_path / "late"), meanwhile)
    assert (tmp_path / "late").read_text() == "another\n"


def test_a_secret_manager_gets_the_secret_by_standard_input_and_no_shell(tmp_path: Path) -> None:
    to = f"!tee '{tmp_path}/a b' {tmp_path}/$HOME"
    at_hand().may_hand_over(WHAT, to, None)
    at_hand().hand_over(WHAT, NEW, to)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a b": f"{NEW.value}\n", "$HOME": f"{NEW.value}\n"}


def test_a_secret_manager_that_refuses_is_told_with_what_it_said() -> None:
    with pytest.raises(CommandFailed, match="exit code 1") as failed:
        at_hand().hand_over(WHAT, NEW, "!cat /no/such/file")
    assert "No such file" in failed.value.saw
    assert failed.value.next == "the same command tries again; its --to may be another"


@pytest.mark.parametrize("to", ["!", "!no-such-program-here x", "!unclosed 'quote"])
def test_a_command_that_is_none_is_refused_beforehand(to: str) -> None:
    with pytest.raises(Refused):
        at_hand().may_hand_over(WHAT, to, None)


def test_a_standard_error_that_is_no_terminal_shows_no_secret(capfd: pytest.CaptureFixture[str]) -> None:
    for act in (lambda: at_hand().may_hand_over(WHAT, "terminal", None), lambda: at_hand().hand_over(WHAT, NEW, "terminal")):
        with pytest.raises(Refused, match="no terminal"):
            act()
    assert NEW.value not in capfd.readouterr().err


def test_what_is_typed_unseen_is_not_echoed_and_the_echo_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()

    class Typing(io.StringIO):
        """Standard error; the operator types when the question is there."""

        def write(self, text: str) -> int:
            if "password" in text:
                os.write(master, b"unseen\n")
            return super().write(text)

    with os.fdopen(slave, "r+b", buffering=0) as raw, io.TextIOWrapper(raw) as terminal:
        before = termios.tcgetattr(slave)
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stderr", Typing())
        assert ask_unseen("password: ") == "unseen"
        assert termios.tcgetattr(slave) == before
        assert select.select([master], [], [], 0)[0] == []
    os.close(master)
