from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

import pytest

from opsbook.cli.main import run
from opsbook.cli.state import State
from opsbook.cli.undo_run import changed_hosts
from opsbook.commands.undo import undo
from opsbook.events import Event
from opsbook.journal import open_journal


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State({"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize(("arguments", "saw"), [
    (["undo", "261121-0105-k3fq"], "needs its whole id and its host"),
    (["undo", "2611", "vps-i1"], "not a whole id"),
])
def test_a_run_that_cannot_be_found_is_a_usage_error_that_says_how_to_find_it(
    state: State, capsys: pytest.CaptureFixture[str], arguments: list[str], saw: str
) -> None:
    assert run(arguments, state) == 2
    told = capsys.readouterr().err
    assert saw in told
    assert "opsbook history --on" in told


@pytest.mark.parametrize(("site", "lab", "told"), [
    ("LAB 1a2b", "", "opsbook --lab undo 261121-0105-k3fq vps-i1"),
    ("/srv/it is/inventory.yaml", "", "opsbook --inventory '/srv/it is/inventory.yaml' undo 261121-0105-k3fq vps-i1"),
    ("/srv/inventory.yaml", "1", "OPSBOOK_LAB=0 opsbook --inventory /srv/inventory.yaml undo 261121-0105-k3fq vps-i1"),
    ("LAB 1a2b", "1", "OPSBOOK_LAB_NAME=1a2b opsbook --lab undo 261121-0105-k3fq vps-i1"),
])
def test_a_run_of_another_site_is_not_undone_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], site: str, lab: str, told: str
) -> None:
    here = tmp_path / "opsbook/lab/other" if lab else tmp_path
    here.mkdir(parents=True, exist_ok=True)
    (here / "inventory.yaml").write_text(f"{'lab: other' if lab else ''}\nhosts: {{vps-i1: {{address: 192.0.2.1}}}}\n")
    environment = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path), "OPSBOOK_LAB": lab, "OPSBOOK_LAB_NAME": "other"}
    with closing(open_journal(environment)) as journal:
        journal.start("261121-0105-k3fq", "reload-rules", {}, ["vps-i1"], "ada@laptop", plan=False, site=site)
    assert run(["undo", "2611", "vps-i1"], State(environment, tmp_path)) == 2
    said = capsys.readouterr().err
    assert f"that is a run of {site}\n" in said
    assert f"next: {told}\n" in said


def test_an_undo_on_several_hosts_answers_with_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as nobody:     # bound and not listening: whoever calls is refused
        nobody.bind(("127.0.0.1", 0))
        host = {"address": "127.0.0.1", "port": nobody.getsockname()[1], "user": "anna"}
        inventory = tmp_path / "inventory.yaml"
        inventory.write_text(json.dumps({"hosts": {"web1": host, "web2": host}}))     # JSON is YAML
        environment = {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)}
        with closing(open_journal(environment)) as journal:
            journal.start("261121-0105-k3fq", "reload-rules", {}, ["web1", "web2"], "ada@laptop", plan=False, site=str(inventory))
        assert run(["undo", "2611", "--yes", "--json"], State(environment, tmp_path)) == 8
    document = json.loads(capsys.readouterr().out)
    assert (document["undoes"], document["code"]) == ("261121-0105-k3fq", 8)
    assert [(host["host"], host["code"], host["state"]) for host in document["hosts"]] == [
        ("web1", 8, "nothing was changed"), ("web2", 8, "nothing was changed"),
    ]


@pytest.mark.parametrize("option", [
    ("--canary",), ("--batch", "1"), ("--max-fail", "1"), ("--jobs", "3"), ("--failed-of", "2611"), ("--jsonl",),
])
@pytest.mark.parametrize("first", [True, False])
def test_an_option_that_an_undo_does_not_honour_is_refused_wherever_it_stands(
    state: State, capsys: pytest.CaptureFixture[str], option: tuple[str, ...], first: bool
) -> None:
    words = [*option, "undo", "2611", "vps-i1"] if first else ["undo", "2611", "vps-i1", *option]
    assert run(words, state) == 2
    assert option[0] in capsys.readouterr().err


def test_a_run_on_several_hosts_is_undone_where_it_changed_something(state: State) -> None:
    with closing(open_journal(state.environment)) as journal:
        journal.start("261121-0105-k3fq", "reload-rules", {}, ["a", "same", "gone", "killed"], "ada@laptop", plan=False)
        for host, changed in (("a", True), ("same", False), ("gone", False)):
            journal.tell(Event("end", host, "ended", {"code": 0, "changed": changed}))
        assert changed_hosts(journal, "261121-0105-k3fq") == ["a", "killed"]
        journal.start("261121-0106-k3fq", "reload-rules", {}, ["same"], "ada@laptop", plan=False)
        journal.tell(Event("end", "same", "ended", {"code": 0, "changed": False}))
        assert changed_hosts(journal, "261121-0106-k3fq") == ["same"]       # which says itself that it keeps no record
        assert changed_hosts(journal, "none") == []


def test_an_undo_offers_what_it_honours() -> None:
    offered = {parameter.name for parameter in undo.params}
    assert offered == {"run", "host", "plan", "step", "wait", "discard", "yes", "confirm", "inventory", "lab", "json", "debug", "as_"}


@pytest.mark.parametrize(("runbook", "plan", "told"), [
    ("logs", False, "logs changes nothing, there is nothing to undo"),
    ("reload-rules", True, "261121-0105-k3fq was a plan of reload-rules: it changed nothing, there is nothing to undo"),
])
def test_a_run_that_only_looked_has_nothing_to_undo(
    state: State, capsys: pytest.CaptureFixture[str], runbook: str, plan: bool, told: str
) -> None:
    with closing(open_journal(state.environment)) as journal:
        journal.start("261121-0105-k3fq", runbook, {}, ["vps-i1"], "ada@laptop", plan=plan)
    assert run(["undo", "2611"], state) == 3
    assert capsys.readouterr().err == f"{told}\n"
