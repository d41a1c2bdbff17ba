from __future__ import annotations

import pytest

from opsbook.folding import beside, folded, for_people

COMMAND = "next: opsbook --lab undo 261121-1622-meus serverC --as root"


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")


def test_lines_end_between_words_and_what_goes_on_is_indented() -> None:
    assert folded(f"  {COMMAND}") == "  next: opsbook --lab undo\n      261121-1622-meus serverC --as\n      root"
    assert " ".join(folded(COMMAND).split()) == COMMAND


def test_what_fits_stays_and_so_do_the_blanks_after_a_question() -> None:
    assert folded("go on? [y/N] ") == "go on? [y/N] "
    assert folded("two\n\nlines\n") == "two\n\nlines\n"


def test_a_word_that_is_too_long_is_not_cut() -> None:
    assert folded("a " + "x" * 60) == "a\n    " + "x" * 60


def test_a_log_gets_whole_lines() -> None:
    assert for_people(COMMAND) == COMMAND


def test_a_list_keeps_its_columns_on_a_terminal_and_its_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ("  bring-up  mild  ", "Bring the whole stack up, and prove it")
    assert beside(*line) == "".join(line)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert beside(*line) == f"  bring-up  mild  Bring the whole stack\n{'':18}up, and prove it"
