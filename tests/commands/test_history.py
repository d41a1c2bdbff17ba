from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from opsbook.cli.main import run
from opsbook.cli.state import State
from opsbook.events import Event
from opsbook.journal import GOES_ON, NO_END, open_journal
from opsbook.shell import Secret

ENDED, OPEN = "261121-0105-k3fq", "261121-0107-abcd"


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State({"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}, tmp_path)


@pytest.fixture
def journalled(state: State) -> State:
    journal = open_journal(state.environment)
    journal.start(ENDED, "reload-rules", {"ref": "abc", "token": Secret("s3cr3t-value")}, ["vps-i1"], "ada@laptop", plan=False)
    journal.tell(Event("step", "vps-i1", "Ask Prometheus to reload", {"name": "reload"}))
    journal.tell(Event("write", "vps-i1", "reload", {"asked": "POST prometheus /-/reload", "code": 200, "seconds": 0.25}))
    journal.tell(Event("evidence", "vps-i1", "Last lines of the log", {"text": "level=error one\nlevel=error two"}))
    journal.end(ENDED, 4)
    journal.start(OPEN, "status", {}, ["vps-i1", "serverA"], "ada@laptop", plan=True, site="LAB 1a2b")
    journal.close()
    return state


def test_without_any_run_the_history_says_so_and_answers_an_empty_list(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history"], state) == 0
    assert capsys.readouterr().err == "nothing was run from this machine yet\n"
    assert run(["history", "--json"], state) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_history_lists_the_newest_run_first_and_how_each_ended(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history"], journalled) == 0
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["RUN", "STARTED", "RUNBOOK", "SITE", "HOSTS", "OPERATOR", "ENDED"]
    assert first.startswith(OPEN)
    assert "status (plan)" in first
    assert "vps-i1 serverA" in first
    assert first.endswith(NO_END)
    assert second.startswith(ENDED)
    assert second.endswith("exit 4")


def test_the_history_can_be_narrowed_to_a_runbook_and_a_number(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "--runbook", "reload-rules", "--json"], journalled) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == [ENDED]
    assert run(["--json", "history", "--limit", "1"], journalled) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == [OPEN]


def test_the_history_of_the_lab_tells_of_its_runs_alone_also_while_it_is_down(
    journalled: State, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = State({**journalled.environment, "OPSBOOK_LAB_NAME": "1a2b"}, journalled.cwd)
    assert run(["--lab", "history", "--json"], lab) == 0
    assert [(one["id"], one["site"]) for one in json.loads(capsys.readouterr().out)] == [(OPEN, "LAB 1a2b")]
    assert run(["history", "show", OPEN], journalled) == 0
    assert "site      LAB 1a2b\n" in capsys.readouterr().out


def test_the_history_of_a_named_inventory_tells_of_its_runs_alone(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    (journalled.cwd / "inventory.yaml").write_text("hosts: {vps-i1: {address: 192.0.2.1}}\n")
    assert run(["--inventory", "inventory.yaml", "history"], journalled) == 0
    assert capsys.readouterr().err == f"nothing was run from this machine yet on {journalled.cwd}/inventory.yaml\n"


def test_a_run_is_shown_with_everything_that_happened(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "show", "261121-0105"], journalled) == 0
    out = capsys.readouterr().out
    for said in ("reload-rules", "ada@laptop", "exit 4", "param     ref = abc", "Ask Prometheus to reload", "level=error two", "code=200"):
        assert said in out
    assert out.index("Ask Prometheus to reload") < out.index("POST prometheus") < out.index("level=error one")
    assert "s3cr3t" not in out


def test_a_run_shown_as_json_holds_its_events(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "show", ENDED, "--json"], journalled) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["params"] == {"ref": "abc", "token": "***"}
    assert [event["kind"] for event in document["events"]] == ["step", "write", "evidence"]
    assert document["events"][1]["detail"]["code"] == 200


def test_an_unknown_run_is_a_usage_error(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "show", "9"], journalled) == 2
    assert "next: opsbook history" in capsys.readouterr().err


def test_a_beginning_that_names_two_runs_is_a_usage_error_naming_both(journalled: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "show", "2611"], journalled) == 2
    told = capsys.readouterr().err
    assert f"{ENDED}  reload-rules on vps-i1\n" in told
    assert f"{OPEN}  status (plan) on vps-i1 serverA\n" in told


def test_of_many_runs_that_begin_so_the_newest_are_named_and_the_others_counted(
    state: State, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(open_journal(state.environment)) as journal:
        for number in range(23):
            journal.start(f"261121-0105-aa{number:02}", "status", {}, ["vps-i1"], "ada@laptop", plan=False)
    assert run(["history", "show", "2611"], state) == 2
    told = capsys.readouterr().err
    assert "23 runs begin with 2611" in told
    assert ("261121-0105-aa22" in told, "261121-0105-aa03" in told, "261121-0105-aa02" in told) == (True, True, False)
    assert "and 3 older ones\n  next: opsbook history --limit 23\n" in told


def test_a_run_that_goes_on_is_told_apart_from_one_whose_process_died(state: State, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_journal(state.environment)) as journal:
        journal.start(OPEN, "recover-certs", {}, ["vps-i1"], "ada@laptop", plan=True)
        assert run(["history"], state) == 0
        assert capsys.readouterr().out.splitlines()[1].endswith(GOES_ON)
        assert run(["history", "show", OPEN], state) == 0
        assert f"ended     {GOES_ON}\n" in capsys.readouterr().out
        journal.end(OPEN, 0)
        assert run(["history"], state) == 0
        assert capsys.readouterr().out.splitlines()[1].endswith("exit 0")
