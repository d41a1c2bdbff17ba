from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from opsbook.journal import open_journal
from tests.typed import SITE, Terminal

BROKEN = "hosts: {web: {address: '${GONE}', colour: red}}\n"


def offered(*words: str, cwd: Path = SITE, **environment: str) -> list[str]:
    """Return what TAB offers for the last word."""
    line = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_OPSBOOK_COMPLETE": "bash_complete"}
    known = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **environment, **line}
    ended = subprocess.run(
        [sys.executable, "-m", "opsbook"],
        cwd=cwd, env=known, capture_output=True, text=True, timeout=60, check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


def test_commands_and_runbooks_are_offered() -> None:
    assert offered("opsbook", "sh") == ["show"]
    assert offered("opsbook", "restart-sa") == ["restart-sample"]
    assert {"list", "hosts", "look-sample", "reload-sample"} <= set(offered("opsbook", ""))


def test_services_hosts_and_roles_are_offered_where_they_belong() -> None:
    assert offered("opsbook", "restart-sample", "") == ["prometheus", "queue-exporter", "thanos-query"]
    assert offered("opsbook", "restart-sample", "prometheus", "") == ["bastion", "serverA", "serverB", "vps-i1"]
    assert offered("opsbook", "restart-sample", "prometheus", "serverA", "s") == ["serverB"]
    assert offered("opsbook", "reload-sample", "v") == ["vps-i1"]
    assert offered("opsbook", "reload-sample", "--group", "") == ["docker", "node"]
    assert offered("opsbook", "trust", "s") == offered("opsbook", "unlock", "s") == ["serverA", "serverB"]
    assert offered("opsbook", "undo", "a-run", "s") == ["serverA", "serverB"]
    assert offered("opsbook", "restart-sample", "--only", "t") == ["thanos-query"]
    assert offered("opsbook", "show", "reload-s") == ["reload-sample"]


def test_runs_are_offered_from_the_journal_newest_first_and_none_is_made_for_it(tmp_path: Path) -> None:
    place = {"XDG_STATE_HOME": str(tmp_path)}
    assert offered("opsbook", "history", "show", "", **place) == offered("opsbook", "undo", "", **place) == []
    assert list(tmp_path.iterdir()) == []
    with closing(open_journal(place)) as journal:
        for run in ("261121-0105-k3fq", "261122-0105-abcd"):
            journal.start(run, "restart-sample", {}, ["serverA"], "ada@laptop", plan=False)
    assert offered("opsbook", "history", "show", "", **place) == ["261122-0105-abcd", "261121-0105-k3fq"]
    assert offered("opsbook", "history", "show", "261121", **place) == ["261121-0105-k3fq"]
    assert offered("opsbook", "history", "--on", "serverA", "--runbook", "restart-sa", **place) == ["restart-sample"]


def test_only_runs_of_this_site_are_offered_to_be_undone(tmp_path: Path) -> None:
    place, here = {"XDG_STATE_HOME": str(tmp_path)}, str(SITE / "inventory.yaml")
    with closing(open_journal(place)) as journal:
        for run, site in (("261121-0105-k3fq", here), ("261122-0105-abcd", "LAB other"), ("261123-0105-abce", here)):
            journal.start(run, "restart-sample", {}, ["serverA"], "ada@laptop", plan=False, site=site)
    assert offered("opsbook", "undo", "", **place) == ["261123-0105-abce", "261121-0105-k3fq"]
    assert offered("opsbook", "undo", "", cwd=tmp_path, **place) == []
    (tmp_path / "inventory.yaml").write_text(BROKEN)
    assert offered("opsbook", "undo", "", cwd=tmp_path, **place) == []


def test_faults_of_the_lab_are_offered() -> None:
    assert offered("opsbook", "lab", "break", "bad-r") == ["bad-rule"]
    assert offered("opsbook", "lab", "mend", "no-such") == []


def test_what_is_offered_comes_from_the_lab_only_where_the_lab_is_asked_for(tmp_path: Path) -> None:
    lab = tmp_path / "opsbook/lab/here"
    lab.mkdir(parents=True)
    (lab / "inventory.yaml").write_text("hosts: {web: {}}\nstacks: {s: {services: {rehearsed: {port: 1}}}}\n")
    place = {"XDG_STATE_HOME": str(tmp_path), "OPSBOOK_LAB_NAME": "here"}
    real = ["prometheus", "queue-exporter", "thanos-query"]
    assert offered("opsbook", "restart-sample", "", **place) == real
    assert offered("opsbook", "--lab", "restart-sample", "", **place) == ["rehearsed"]
    assert offered("opsbook", "restart-sample", "--lab", "", **place) == ["rehearsed"]
    assert offered("opsbook", "restart-sample", "", OPSBOOK_LAB="1", **place) == ["rehearsed"]


def test_options_and_choices_are_offered() -> None:
    assert offered("opsbook", "reload-sample", "--re") == ["--ref", "--restart"]
    assert offered("opsbook", "restart-sample", "--how", "") == ["stop", "kill"]
    assert offered("opsbook", "--inv") == ["--inventory"]


def test_another_inventory_named_before_the_command_is_used() -> None:
    names = offered("opsbook", "--inventory", "../../inventory.yaml", "reload-rules", "server")
    assert names == ["serverA", "serverB", "serverC", "serverD", "serverE", "serverF"]


def test_a_broken_inventory_or_none_breaks_no_prompt(tmp_path: Path) -> None:
    assert offered("opsbook", "reload-rules", "", cwd=tmp_path) == []
    (tmp_path / "inventory.yaml").write_text(BROKEN)
    assert offered("opsbook", "reload-rules", "", cwd=tmp_path) == ["web"]
    (tmp_path / "inventory.yaml").write_text("hosts: [")
    assert offered("opsbook", "reload-rules", "", cwd=tmp_path) == []
    assert offered("opsbook", "reload-rules", "", cwd=tmp_path, OPSBOOK_LAB="1", OPSBOOK_LAB_NAME="none-such") == []


@pytest.mark.parametrize(("shell", "words"), [
    ("bash", "complete -o nosort -F _opsbook_completion opsbook"),
    ("zsh", "#compdef opsbook"),
    ("fish", "complete --no-files --command opsbook"),
])
def test_each_shell_gets_its_script(capfd: pytest.CaptureFixture[str], tmp_path: Path, shell: str, words: str) -> None:
    typed = Terminal(capfd, {"HOME": str(tmp_path)}).type("completion", shell)
    assert typed.code == 0
    assert words in typed.out
    assert "_OPSBOOK_COMPLETE" in typed.out


def test_bash_itself_completes_with_the_script(tmp_path: Path) -> None:
    program = tmp_path / "opsbook"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m opsbook "$@"\n')
    program.chmod(0o755)
    bash = shutil.which("bash") or "bash"
    text = """
        source <(opsbook completion bash) || exit 1
        COMP_WORDS=(opsbook restart-sample pro) COMP_CWORD=2
        _opsbook_completion opsbook
        echo "offered: ${COMPREPLY[*]}"
    """
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    ended = subprocess.run([bash, "-c", text], cwd=SITE, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "offered: prometheus\n", ended.stderr
