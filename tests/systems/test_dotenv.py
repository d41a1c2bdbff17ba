from __future__ import annotations

import json

import pytest

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.systems.dotenv import env_file, parse_env, parse_env_answer, replaced
from tests.systems.captured import captured


def test_every_quoting_is_read_as_compose_itself_reads_it() -> None:
    by_compose = {name: value.replace("$$", "$") for name, value in json.loads(captured("hard_env_by_compose.json").out).items()}
    assert parse_env(captured("hard.env").out) == by_compose
    assert len(by_compose) == 35


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    assert parse_env("\ufeffA=1\r\nB='2'\r\n") == {"A": "1", "B": "2"}


@pytest.mark.parametrize(("text", "line"), [("A=1\nB='open\n", 2), ("A=1\n# b\nthis is a sentence\n", 3)])
def test_a_line_that_compose_would_refuse_is_named_but_not_shown(text: str, line: int) -> None:
    with pytest.raises(CommandFailed, match=f"line {line} of the env file") as failed:
        parse_env(text)
    assert "open" not in str(failed.value).replace("opens", "")


def test_no_file_is_nothing_and_an_empty_one_has_no_variables() -> None:
    assert parse_env_answer(Result(44)) is None
    assert parse_env_answer(Result(0, "\n# only a comment")) == {}
    assert env_file("/x/.env") == env_file("/x/.env")


HARD_VALUES = [
    "plain", "$2a$14$abc.DEF/x", "it's", 'say "so"', "back\\slash", "ends in \\", "\\' both", "# no comment", " blanks ", "a #b",
    "$PLAIN ${PLAIN}", "grün", "'", "\\", "$$", "`id`", "a=b", "",
]


@pytest.mark.parametrize("value", HARD_VALUES)
@pytest.mark.parametrize("name", ["PLAIN", "EXPORTED", "INLINE", "SINGLE", "DOUBLE", "MULTI", "AFTER", "EMPTY", "LAST", "NEW_ONE"])
def test_a_replaced_value_is_read_back_and_no_other_one_changes(name: str, value: str) -> None:
    before = captured("hard.env").out
    after = replaced(before, {name: value})
    assert parse_env(after)[name] == value
    uses_plain = {"REF", "REF_BARE", "DOUBLE_REF", "ALT", "NESTED", "ESCAPES"}
    uses_empty = {"DEFAULT_EMPTY", "DEFAULT_SET"}
    others = parse_env(before).keys() - {name} - (uses_plain if name == "PLAIN" else set()) - (uses_empty if name == "EMPTY" else set())
    assert {key: parse_env(after)[key] for key in others} == {key: parse_env(before)[key] for key in others}


def test_everything_but_the_value_stays_byte_for_byte() -> None:
    text = "\ufeff# a\r\n  export A = old # why\r\nB='x'  # y\r\n\r\nA=\"older\"\nC=$A"
    assert replaced(text, {"A": "new", "B": "$2a$"}) == "\ufeff# a\r\n  export A = 'new' # why\r\nB='$2a$'  # y\r\n\r\nA='new'\nC=$A"
    assert replaced(text, {}) == text


def test_a_variable_that_is_not_there_comes_at_the_end() -> None:
    assert replaced("A=1", {"B": "two"}) == "A=1\nB='two'\n"
    assert replaced("", {"B": "two"}) == "B='two'\n"


def test_a_hash_is_always_in_single_quotes() -> None:
    assert replaced("HASH=$2a$14$broken\n", {"HASH": "$2a$14$abc"}) == "HASH='$2a$14$abc'\n"


def test_a_file_that_compose_would_refuse_is_not_edited() -> None:
    with pytest.raises(CommandFailed, match="line 2"):
        replaced("A=1\nB='open\n", {"A": "2"})
