from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.record.note import Note, notes, parse_notes


def logged(*texts: object) -> Result:
    lines = (json.dumps({"MESSAGE": text, "__REALTIME_TIMESTAMP": "1795224404250000", "PRIORITY": "5"}) for text in texts)
    return Result(0, "\n".join(lines) + "\n")


@pytest.mark.parametrize("note", [
    Note("start", "261121-0105-k3fq", "reload-rules", "ada@laptop", None, 1795224404.25),
    Note("end", "261121-0105-k3fq", "reload-rules", "ada@laptop", 0, 1795224404.25),
    Note("end", "261121-0105-k3fq", "reload-rules", "ada lovelace@lap top", 5, 1795224404.25),
])
def test_a_line_is_read_back_as_it_was_logged(note: Note) -> None:
    assert parse_notes(logged(note.text())) == [note]


def test_a_lost_operator_is_told_with_its_run() -> None:
    assert parse_notes(logged("lost 261121-0105-k3fq has lost its operator")) == [
        Note("lost", "261121-0105-k3fq", "", "has lost its operator", None, 1795224404.25)
    ]


def test_other_lines_under_our_name_are_left_out() -> None:
    binary = [104, 105]     # journalctl prints a message that is not text as numbers
    assert parse_notes(logged("debt start-loki ended with code 0", "", binary, "end x")) == []
    assert parse_notes(Result(0, "")) == []


def test_the_question_asks_for_our_lines_only() -> None:
    assert str(notes(60).ask) == "journalctl --identifier=opsbook --output=json --no-pager --lines=60"


def test_the_log_of_a_real_host_is_understood() -> None:
    captured = (Path(__file__).parent / "data/journalctl_opsbook.jsonl").read_text()
    start, end = parse_notes(Result(0, captured))
    assert start == Note("start", "261121-0105-k3fq", "reload-rules", "ada@laptop", None, 1795225344.738573)
    assert (end.phase, end.run, end.code) == ("end", "261121-0105-k3fq", 0)
