from __future__ import annotations

from opsbook.findings.finding import Finding, ranked
from opsbook.findings.lines import quoted, short, told


def test_the_worst_comes_first_and_equals_keep_their_order() -> None:
    found = [Finding("ok", "a"), Finding("warn", "b"), Finding("bad", "c"), Finding("warn", "d"), Finding("bad", "e")]
    assert [one.what for one in ranked(found)] == ["c", "e", "b", "d", "a"]


def test_lines_fit_80_columns_but_a_command_is_never_broken() -> None:
    command = "opsbook logs prometheus vps-i1 --since 10m --lines 400 # " + "x" * 60
    lines = list(told([Finding("bad", "word " * 30, "  | indented " * 12 + "\nsecond", command)]))
    assert max(len(line) for line in lines if "next:" not in line) <= 80
    assert lines[0].startswith("bad   word")
    assert lines[1].startswith("      word")
    assert lines[-2] == "      second"
    assert lines[-1] == f"      next: {command}"


def test_the_short_form_has_the_first_line_of_what_was_seen() -> None:
    assert short(Finding("bad", "x is down", "\nb\nc")) == "x is down"
    assert short(Finding("bad", "x is down", quoted("level=info\n"))) == "x is down"
    assert short(Finding("bad", "x is down", "b\nc")) == "x is down: b"


def test_a_quoted_line_that_is_long_stays_a_quotation() -> None:
    first, second = list(told([Finding("bad", "x", quoted("word " * 20))]))[1:]
    assert (first, second) == ("      | " + "word " * 13 + "word", "      | word word word word word word")
