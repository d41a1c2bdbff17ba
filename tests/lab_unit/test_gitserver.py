"""What git fast-import is told."""

from __future__ import annotations

from opsbook.lab.gitserver import MAIN, quoted, stream


def test_a_commit_adds_removes_and_names_its_parent() -> None:
    told = stream({"a/b.yml": "x: ż\n", "old": None}, "Say it", parent="1234")
    assert told.decode() == (
        f"commit {MAIN}\n"
        "committer Lab Operator <operator@lab.invalid> now\n"
        "data 6\nSay it\n"
        "from 1234\n"
        'M 100644 inline "a/b.yml"\n'
        "data 6\nx: ż\n\n"
        'D "old"\n'
    )


def test_a_first_commit_has_no_parent() -> None:
    assert b"from" not in stream({"a": "b"}, "m", parent="")


def test_a_path_cannot_break_out_of_its_line() -> None:
    assert quoted('a"b\nD "c') == '"a\\"b\\nD \\"c"'
