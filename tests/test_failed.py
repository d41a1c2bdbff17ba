from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.cli.failed import failed_in
from opsbook.errors import UsageError
from opsbook.events import Event
from opsbook.journal import Journal, open_journal
from tests.typed import Terminal


def a_run(journal: Journal, codes: dict[str, int | None]) -> None:
    """Enter a run whose hosts ended so; None is a host whose end was never written."""
    journal.start("run-1", "look-sample", {}, list(codes), "joe@desk", plan=False)
    for host, code in codes.items():
        journal.tell(Event("step", host, "Look"))
        if code is not None:
            journal.tell(Event("end", host, "ended", {"code": code}))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal({"XDG_STATE_HOME": str(tmp_path)})


def test_the_hosts_that_failed_or_never_ended_are_returned_in_order(journal: Journal) -> None:
    a_run(journal, {"serverB": None, "bastion": 0, "serverA": 8})
    assert failed_in(journal, "run-1") == ("serverB", "serverA")
    assert failed_in(journal, "run") == ("serverB", "serverA")


def test_a_run_without_a_failure_or_an_unknown_one_is_refused(journal: Journal) -> None:
    a_run(journal, {"bastion": 0})
    with pytest.raises(UsageError, match="no host failed in run run-1"):
        failed_in(journal, "run-1")
    with pytest.raises(UsageError, match="the journal has no run zzz"):
        failed_in(journal, "zzz")


def test_failed_of_on_the_command_line_runs_on_those_hosts_alone(
    journal: Journal, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a_run(journal, {"serverB": 1, "bastion": 0})
    terminal = Terminal(capfd, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    assert terminal.type("look-sample", "--failed-of", "run-1").out == "I am serverB\n"
    both = terminal.type("--failed-of", "run-1", "look-sample", "serverA")
    assert (both.code, "leave the others out" in both.err) == (2, True)


def test_hosts_that_failed_on_another_site_are_not_chosen_on_this_one(
    journal: Journal, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    journal.start("run-2", "look-sample", {}, ["serverB"], "joe@desk", plan=False, site="LAB 1a2b")
    terminal = Terminal(capfd, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    typed = terminal.type("look-sample", "--failed-of", "run-2")
    assert (typed.code, typed.out) == (2, "")
    assert "next: opsbook --lab look-sample --failed-of run-2\n" in typed.err
