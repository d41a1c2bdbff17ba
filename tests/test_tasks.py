from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.typed import SITE

ROOT = Path(__file__).parent.parent
FAB = Path(sys.executable).parent / "fab"

Fab = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def fab(tmp_path: Path) -> Fab:
    """Type `fab …` in a copy of the sample site, with our fabfile in it."""
    site = tmp_path / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "fabfile.py", site)

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        known = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "VPS_I1_HOST": "127.0.0.1", **environment}
        return subprocess.run([FAB, *words], cwd=site, env=known, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_every_runbook_is_a_task_with_its_title(fab: Fab) -> None:
    out = fab("--list").stdout
    for line in (r"look-sample +Tell how the host is", r"reload-sample +Reload the sample's rules", r"restart-sample +Restart one service"):
        assert re.search(line, out)


def test_the_parameters_of_a_runbook_are_flags_of_its_task(fab: Fab) -> None:
    out = fab("--help", "restart-sample").stdout
    for flag in ("--service=STRING", "--how=STRING", "--[no-]drain", "--only"):
        assert flag in out
    for flag in ("--host", "--group=STRING", "--all", "--yes", "--plan", "--wait=STRING"):
        assert flag in out


def test_a_task_runs_its_runbook_on_the_host_of_fab(fab: Fab) -> None:
    ended = fab("-H", "serverB", "look-sample")
    assert (ended.returncode, ended.stdout) == (0, "I am serverB\n")


def test_several_hosts_of_fab_are_each_run_and_a_success_does_not_end_the_rest(fab: Fab) -> None:
    ended = fab("-H", "serverB,bastion", "look-sample")
    assert (ended.returncode, ended.stdout) == (0, "I am serverB\nI am bastion\n")


def test_hosts_may_be_named_by_flag_or_group(fab: Fab) -> None:
    assert fab("look-sample", "--host", "bastion", "--host", "serverB").stdout.count("I am ") == 2
    assert fab("look-sample", "--group", "node").stdout.count("I am ") == 2


def test_several_tasks_in_a_row_run_one_after_the_other(fab: Fab) -> None:
    assert fab("look-sample", "--host", "serverA", "look-sample", "--host", "serverB").stdout == "I am serverA\nI am serverB\n"


def test_a_failure_ends_with_the_exit_code_of_opsbook(fab: Fab) -> None:
    ended = fab("-H", "serverA", "reload-sample")
    assert ended.returncode == 2
    assert ended.stderr == "serverA: it has neither the role nor the service prometheus\n  next: it fits vps-i1\n"
    assert fab("restart-sample", "vps-i1").returncode == 2
    assert "did you mean prometheus?" in fab("restart-sample", "prometeus").stderr
    assert "is not one of 'stop', 'kill'" in fab("restart-sample", "prometheus", "--how", "x").stderr
    assert "would be read as an option" in fab("reload-sample", "--ref=--upload-pack=id").stderr


@pytest.mark.parametrize("flags", [
    ("--pty",), ("--echo",), ("--warn-only",), ("--hide", "both"), ("--command-timeout", "5"), ("--connect-timeout", "5"),
    ("--identity", "/key"), ("--ssh-config", "/dev/null"),
])
def test_a_flag_of_fab_that_a_runbook_cannot_honour_is_refused(fab: Fab, flags: tuple[str, ...]) -> None:
    ended = fab(*flags, "-H", "serverB", "look-sample")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"fab {flags[0]} means nothing to a runbook" in ended.stderr


@pytest.mark.parametrize("host", ["somebody@serverB", "serverB:2222"])
def test_user_or_port_beside_the_host_is_refused(fab: Fab, host: str) -> None:
    ended = fab("-H", host, "look-sample")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "-H takes a host of the inventory" in ended.stderr


def test_a_host_named_twice_over_is_refused(fab: Fab) -> None:
    assert "not by both" in fab("-H", "serverB", "look-sample", "--host", "serverA").stderr


def test_dry_means_a_plan_and_a_reading_runbook_just_reads(fab: Fab) -> None:
    assert fab("--dry", "-H", "serverB", "look-sample").stdout == "I am serverB\n"
    assert "plan of reload-sample on vps-i1" in fab("--dry", "-H", "vps-i1", "reload-sample").stderr


def test_the_lab_is_meant_by_the_environment_as_for_opsbook(fab: Fab) -> None:
    ended = fab("-H", "vps-i1", "reload-sample", OPSBOOK_LAB="1", OPSBOOK_LAB_NAME="none-such")
    assert (ended.returncode, "the lab is not up" in ended.stderr) == (2, True)


def test_a_broken_runbook_is_a_task_that_says_why(fab: Fab, tmp_path: Path) -> None:
    (tmp_path / "site" / "runbooks" / "torn.py").write_text('"""Torn')
    assert "torn" in fab("--list").stdout
    ended = fab("torn")
    assert ended.returncode == 2
    assert "torn.py:1: " in ended.stderr
