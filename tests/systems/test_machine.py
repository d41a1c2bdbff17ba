from __future__ import annotations

import time
from pathlib import Path

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.machine import look
from opsbook.systems.machine_answers import Machine, parse_machine
from tests.here import Here
from tests.systems.captured import captured

WHOLE = captured("machine.txt")


def with_programs(folder: Path, programs: dict[str, str]) -> Here:
    """This machine with these programs put before its own."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{text}\n")
        (folder / name).chmod(0o755)
    return Here(env={"PATH": f"{folder}:/usr/bin:/bin"})


def looked(here: Here, limit: int = 5) -> Machine:
    question = look(limit=limit)
    assert isinstance(question.ask, Command)
    return question.parse(here.run(question.ask, None, 20))


def test_a_whole_machine_is_read_at_one_look() -> None:
    machine = parse_machine(WHOLE)
    assert machine.silent == {}
    assert (machine.cpus, machine.oom_kills, machine.zone, machine.failed_units) == (2, 0, "+0000", ())
    assert machine.memory is not None
    assert (machine.memory.total > machine.memory.available > 0, machine.memory.swap) == (True, 0)
    assert machine.commits is not None
    assert machine.commits[0].author == "Anna"
    assert {container.state for container in machine.containers or ()} >= {"running (healthy)", "exited (3)"}
    assert machine.clock is not None
    assert not machine.clock.synchronized


def test_the_kernels_own_file_systems_are_not_listed() -> None:
    mounts = {disk.mount for disk in parse_machine(WHOLE).disks or ()}
    assert {"/", "/tmp", "/run"} <= mounts
    assert not {mount for mount in mounts if mount.startswith(("/dev", "/proc", "/sys", "/etc"))}


def test_a_part_that_failed_is_named_with_its_reason_and_the_rest_counts() -> None:
    broken = WHOLE.out.replace("\x1econtainers\x1f0\n", "\x1econtainers\x1f1\nCannot connect to the Docker daemon")
    broken = broken.replace("MemTotal:", "Mem?:")
    machine = parse_machine(Result(0, broken))
    assert (machine.containers, machine.memory) == (None, None)
    assert machine.silent["containers"].startswith("Cannot connect to the Docker daemon")
    assert machine.silent["memory"] == "cannot be read: 'MemTotal'"
    assert machine.cpus == 2


def test_nothing_told_is_nothing_known() -> None:
    assert parse_machine(Result(0, "")) == Machine()


def test_a_docker_that_hangs_costs_its_own_answer_only(tmp_path: Path) -> None:
    started = time.monotonic()
    machine = looked(with_programs(tmp_path, {"docker": "sleep 30", "timedatectl": "echo NTPSynchronized=yes"}), limit=1)
    assert time.monotonic() - started < 5
    assert machine.silent["containers"] == "no answer in time"
    assert machine.clock is not None
    assert machine.disks


def test_a_docker_that_is_down_is_told_apart_from_one_without_containers(tmp_path: Path) -> None:
    down = looked(with_programs(tmp_path, {"docker": "echo 'Cannot connect' >&2; exit 1"}))
    empty = looked(with_programs(tmp_path, {"docker": "exit 0"}))
    assert (down.containers, down.silent["containers"]) == (None, "Cannot connect")
    assert empty.containers == ()


def test_programs_that_are_not_there_are_named(tmp_path: Path) -> None:
    machine = looked(with_programs(tmp_path, {"docker": "exit 0", "systemctl": "exit 127", "nproc": "exit 1"}))
    assert {"failed", "cpus"} <= set(machine.silent)


def test_kernel_lines_about_killed_processes_are_told(tmp_path: Path) -> None:
    line = "2026-11-21T01:00:00+0000 vps kernel: Out of memory: Killed process 12 (prometheus)"
    here = with_programs(tmp_path, {"docker": "exit 0", "journalctl": f"echo '{line}'"})
    assert looked(here).kills == (line,)
    none = with_programs(tmp_path, {"journalctl": "exit 1"})
    assert looked(none).kills == ()
