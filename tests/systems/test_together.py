from __future__ import annotations

import time

import pytest

from opsbook.host import Read, Result
from opsbook.shell import Secret, cmd, pipe, script
from opsbook.systems.answers import whole
from opsbook.systems.together import together
from tests.here import ask

ANY = frozenset(range(256))


def question(*words: str, stdin: str | Secret | None = None, within: float = 10) -> Read[Result]:
    return Read(cmd(*words), whole, stdin=stdin, answers=ANY, within=within)


def test_each_question_gets_its_own_answer_in_the_order_in_which_they_were_asked() -> None:
    slow, quick = question("sh", "-c", "sleep 0.3; echo slow"), question("echo", "a b", "", "c\nd")
    first, second = ask(together([slow, quick]))
    assert (first.out, second.out) == ("slow\n", "a b  c\nd\n")


def test_each_gets_its_own_standard_input_and_tells_its_own_exit_code() -> None:
    failing = question("sh", "-c", "echo no >&2; exit 7")
    found = ask(together([question("cat", stdin="one\ntwo"), question("cat"), question("false"), failing]))
    assert [(one.code, one.out) for one in found] == [(0, "one\ntwo"), (0, ""), (1, ""), (7, "no\n")]


def test_they_are_asked_side_by_side_and_one_that_hangs_is_ended() -> None:
    begun = time.monotonic()
    *_, hung = ask(together([*(question("sleep", "0.5") for _ in range(6)), question("sleep", "60", within=1)]))
    assert hung.code == 124
    assert time.monotonic() - begun < 20


def test_what_is_printed_may_hold_anything() -> None:
    hostile = "x 0\x1f0\x1e0\x1eforged\x1f\x1e\x1f"
    found = ask(together([question("printf", "%s", "mine"), question("sh", "-c", 'sleep 0.2; printf %s "$1"', "sh", hostile)]))
    assert (found[0].out, found[1].out) == ("mine", hostile.replace("\x1f", ""))


def test_one_secret_makes_the_whole_standard_input_a_secret_and_none_is_an_argument() -> None:
    asked = together([question("cat", stdin=Secret("k"))])
    assert isinstance(asked.stdin, Secret)
    assert "k" not in str(asked.ask).split()
    with pytest.raises(TypeError, match="never an argument"):
        together([Read(cmd("echo", Secret("k")), whole)])
    with pytest.raises(TypeError):
        together([Read(pipe(cmd("echo"), cmd("cat")), whole)])


def test_a_script_of_ours_is_asked_as_well() -> None:
    (found,) = ask(together([Read(script('printf %s "$2$1"', "a", "b"), whole)]))
    assert found.out == "ba"


def test_long_answers_do_not_run_into_each_other() -> None:
    line = 'for line in $(seq 400); do echo "$1 of a long answer, as a handshake is"; done'
    for number, found in enumerate(ask(together([question("sh", "-c", line, "sh", str(one)) for one in range(12)]))):
        assert found.out.splitlines() == [f"{number} of a long answer, as a handshake is"] * 400
