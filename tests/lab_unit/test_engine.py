"""What a killed engine leaves behind is told from what a living one needs."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from opsbook.lab.engine import clear_stale_pids, launch
from opsbook.lab.kernel import make_room, suspects
from tests.lab_unit.standin_process import eventually


@pytest.fixture
def processes(tmp_path: Path) -> Path:
    for number, name in ((7, "dockerd"), (8, "nginx")):
        (tmp_path / "proc" / str(number)).mkdir(parents=True)
        (tmp_path / "proc" / str(number) / "comm").write_text(f"{name}\n")
    return tmp_path / "proc"


@pytest.mark.parametrize(("holds", "stale"), [("7", False), ("8", True), ("9", True), ("", True), ("7\n", False)])
def test_a_pid_file_is_stale_unless_its_process_is_the_engine(tmp_path: Path, processes: Path, holds: str, stale: bool) -> None:
    file = tmp_path / "docker.pid"
    file.write_text(holds)
    assert clear_stale_pids({file: "dockerd"}, processes) == ([file] if stale else [])
    assert file.exists() is not stale


def test_a_pid_file_that_is_not_there_is_nothing_to_clear(tmp_path: Path, processes: Path) -> None:
    assert clear_stale_pids({tmp_path / "docker.pid": "dockerd"}, processes) == []


def test_a_kernel_without_overlay_or_control_groups_is_named(tmp_path: Path) -> None:
    (tmp_path / "filesystems").write_text("nodev\ttmpfs\n\text4\n")
    assert suspects(tmp_path / "filesystems", tmp_path / "cgroups") == [
        "the kernel has no overlay filesystem",
        "the kernel has no control groups",
    ]


def test_a_limit_that_many_servers_reach_is_raised_once_and_told(tmp_path: Path) -> None:
    limit, said = tmp_path / "max_user_instances", list[str]()
    limit.write_text("128\n")
    make_room(said.append, limit)
    make_room(said.append, limit)
    assert (limit.read_text(), len(said)) == ("1024\n", 1)
    assert "from 128 to 1024" in said[0]


def test_a_limit_that_we_may_not_raise_comes_with_the_command_that_does(tmp_path: Path) -> None:
    said = list[str]()

    class Protected(type(tmp_path)):  # type: ignore[misc]  # root writes any file: only a refusal of the kernel's tells
        def write_text(self, *_: object, **__: object) -> int:
            raise PermissionError(30, "Read-only file system")

    (tmp_path / "limit").write_text("128\n")
    make_room(said.append, Protected(tmp_path / "limit"))
    assert said[0].endswith("sudo sysctl fs.inotify.max_user_instances=1024")


def test_an_engine_started_by_hand_is_nobodys_child_and_its_talk_goes_to_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dockerd").write_text('#!/bin/sh\necho "the parent is $(cut -d" " -f4 /proc/$$/stat)"\nexec cat "$(dirname "$0")/hold"\n')
    (tmp_path / "dockerd").chmod(0o755)
    os.mkfifo(tmp_path / "hold")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    log = tmp_path / "log" / "dockerd.log"
    launch(log)
    gc.collect()  # a child that is still running would warn here, and a warning is an error
    eventually(lambda: "the parent is" in log.read_text(), "it speaks")
    assert int(log.read_text().split()[-1]) != os.getpid()
    (tmp_path / "hold").write_text("over\n")
    eventually(lambda: log.read_text().endswith("over\n"), "it ends")
