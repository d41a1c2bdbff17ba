from __future__ import annotations

import json

import pytest

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.systems.dotenv import env_file, parse_env, parse_env_answer
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
