"""What a killed engine leaves behind is told from what a living one needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.lab.engine import clear_stale_pids
from opsbook.lab.kernel import suspects


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
