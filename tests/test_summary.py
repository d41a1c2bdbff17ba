from __future__ import annotations

from opsbook.cli.summary import told
from opsbook.runner.outcome import Ended


def test_of_several_hosts_each_that_ended_half_way_is_told_with_what_to_type_there() -> None:
    half = Ended("b", 130, "interrupted half-way", changed=True, ways_on="finish it: opsbook bring-up b; or opsbook undo R b")
    ended = [Ended("a", 0, "changed, and proven", changed=True), half, Ended("c", 130, "nothing was changed")]
    assert list(told(ended, reads=False, again="opsbook bring-up --failed-of=R")) == [
        "a: changed, and proven (exit 0)",
        "b: interrupted half-way (exit 130)",
        "  next: finish it: opsbook bring-up b; or opsbook undo R b",
        "c: nothing was changed (exit 130)",
        "3 hosts: 1 done; 1 untouched: c; 1 half: b",
        "  next: opsbook bring-up --failed-of=R",
    ]
