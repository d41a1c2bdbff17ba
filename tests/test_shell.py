from __future__ import annotations

import subprocess

import pytest

from opsbook.shell import Secret, as_root, both, cmd, pipe, prefixed, script

HOSTILE = [
    "; echo INJECTED", "$(echo INJECTED)", "`echo INJECTED`", "&& echo INJECTED", "|x", "a b", "'", '"', "\\", "*",
    "~", "-n", "\n", "", "${HOME}", "!!",
]


def ran(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("word", HOSTILE)
def test_every_word_arrives_as_it_was_given(word: str) -> None:
    assert ran(cmd("printf", "%s", word).line()).stdout == word


@pytest.mark.parametrize("word", HOSTILE)
def test_words_inside_a_pipe_arrive_as_they_were_given(word: str) -> None:
    assert ran(pipe(cmd("printf", "%s", word), cmd("cat")).line()).stdout == word


@pytest.mark.parametrize("word", HOSTILE)
def test_values_of_a_script_are_data_and_never_code(word: str) -> None:
    assert ran(script('printf %s "$1"', word).line()).stdout == word


def test_none_vanishes_and_numbers_become_text() -> None:
    assert cmd("tail", None, "-n", 20).line() == "tail -n 20"


def test_a_command_needs_a_program() -> None:
    with pytest.raises(ValueError, match="needs a program"):
        cmd(None)


def test_a_pipe_fails_when_its_left_side_fails() -> None:
    assert ran(pipe(cmd("false"), cmd("true")).line()).returncode == 1


def test_both_stops_at_the_first_failure() -> None:
    assert ran(both(cmd("false"), cmd("echo", "reached")).line()).stdout == ""
    assert ran(both(cmd("true"), cmd("echo", "reached")).line()).stdout == "reached\n"


def test_a_secret_reaches_the_host_and_not_the_screen() -> None:
    login = pipe(cmd("echo", Secret("s3cr et")), cmd("cat"))
    assert ran(login.line()).stdout == "s3cr et\n"
    assert "s3cr" not in f"{login} {login!r} {Secret('s3cr et')!r} {Secret('s3cr et')}"
    assert list(login.secrets()) == ["s3cr et"]


def test_people_see_a_pipe_without_its_wrapping() -> None:
    assert str(pipe(cmd("git", "archive", "HEAD"), cmd("tar", "-x"))) == "git archive HEAD | tar -x"


def test_a_prefix_runs_before_a_pipe_as_before_a_plain_command() -> None:
    assert ran(prefixed(pipe(cmd("echo", "x"), cmd("cat")), "timeout", 5).line()).stdout == "x\n"
    assert str(prefixed(pipe(cmd("echo", "x"), cmd("cat")), "timeout", 5)) == "timeout 5 echo x | cat"
    assert as_root(cmd("id")).line() == "sudo -n id"


def test_people_see_the_values_of_a_script_and_not_its_text() -> None:
    assert str(script('umask 022; exec "$@"', "git", "merge", "a b")) == "git merge 'a b'"
    assert str(script("date")) == "(script)"
    assert str(prefixed(script("cat $1", "x"), "timeout", 5)) == "timeout 5 x"
