from __future__ import annotations

from opsbook.counted import counted


def test_one_thing_is_told_in_the_singular_and_every_other_number_in_the_plural() -> None:
    assert [counted(count, "file") for count in (0, 1, 2)] == ["0 files", "1 file", "2 files"]


def test_words_whose_plural_takes_no_s_are_given_with_it() -> None:
    assert [counted(count, "alert fires", "alerts fire") for count in (1, 2)] == ["1 alert fires", "2 alerts fire"]
