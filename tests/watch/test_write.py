from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from opsbook.host.verdict import NOT_RUN
from opsbook.shell import cmd, pipe, script
from opsbook.watch import Watch
from tests.local_talk import LocalHost
from tests.until import until
from tests.watch.test_watch import take


@pytest.fixture
def watch(host: LocalHost) -> Iterator[Watch]:
    taken = take(host)
    yield taken
    taken.release()


def test_a_write_keeps_its_input_its_outputs_and_its_exit_code(host: LocalHost, watch: Watch) -> None:
    result = host.run(watch.wrap(script("cat; echo oops >&2; exit 42"), 10), "input\n")
    assert (result.code, result.out, result.err) == (42, "input\n", "oops\n")


def test_a_joined_write_stays_readable_and_fails_when_a_part_fails(host: LocalHost, watch: Watch) -> None:
    wrapped = watch.wrap(pipe(cmd("false"), cmd("cat")), 10)
    assert str(wrapped).endswith("false | cat")
    assert host.run(wrapped).code == 1


def test_large_outputs_on_both_streams_arrive_whole(host: LocalHost, watch: Watch) -> None:
    both = script("head --bytes=3000000 /dev/zero | tr '\\0' o; head --bytes=3000000 /dev/zero | tr '\\0' e >&2")
    result = host.run(watch.wrap(both, 20))
    assert (len(result.out), len(result.err)) == (3_000_000, 3_000_000)


def test_a_write_that_takes_too_long_is_ended(host: LocalHost, watch: Watch) -> None:
    assert host.run(watch.wrap(cmd("sleep", 30), 0.3)).code == 128 + signal.SIGTERM


def test_a_write_that_ends_well_though_it_was_told_to_stop_has_ended_well(host: LocalHost, watch: Watch) -> None:
    assert host.run(watch.wrap(script("trap '' TERM; sleep 0.6"), 0.3)).code == 0


def test_a_late_write_of_a_killed_watch_is_not_run_though_its_token_lies_there_still(host: LocalHost) -> None:
    taken = take(host)
    late = taken.wrap(cmd("touch", str(host.folder / "late")), 10)
    pid = json.loads(host.holder.read_text())["pid"]
    host.run(script('kill -KILL "$1"; while [ -d "/proc/$1/fd" ] && [ -e "/proc/$1/fd/9" ]; do :; done', pid))
    assert host.holder.exists()
    assert host.run(late).code == NOT_RUN
    assert not (host.folder / "late").exists()
    taken.release()


def test_a_write_with_the_limit_and_a_fraction_is_understood_by_the_host(host: LocalHost, watch: Watch) -> None:
    assert host.run(watch.wrap(cmd("true"), 100000.5)).code == 0


@pytest.mark.parametrize("program", [
    'for i in $(seq 20000); do echo "line $i of a talkative program"; done; touch "$1"',
    'trap - PIPE; for i in $(seq 20000); do echo "line $i of a talkative program"; done; touch "$1"',
    'for i in $(seq 20000); do echo "line $i of a talkative program" >&2; done; touch "$1"',
    # a program that dies of SIGPIPE although it was started with the signal ignored, as those written in Go do
    'python3 -c "import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL); [print(i, flush=True) for i in range(50000)]" && touch "$1"',
    'python3 -c "import signal, sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL); sys.stderr.write(str(10 ** 4000) * 200)" && touch "$1"',
])
def test_a_write_whose_reader_vanishes_half_way_still_completes(host: LocalHost, watch: Watch, program: str) -> None:
    done = host.folder / "done"
    wrapped = watch.wrap(script("echo begun >&2; echo begun; " + program, str(done)), 30)
    process = subprocess.Popen(
        ["bash", "-c", wrapped.line()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=host.environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "begun\n"
    process.stdout.close()
    process.stderr.close()
    assert until(done.exists, within=20)
    assert process.wait(5) == 0


def test_a_hang_up_does_not_end_a_write(host: LocalHost, watch: Watch) -> None:
    done = host.folder / "done"
    talk = host.talk(watch.wrap(script('echo begun; read -r; touch "$1"', str(done)), 30))
    assert talk.receive(5) == "begun"
    host.run(script('kill -HUP "$1"; kill -INT "$1"; kill -PIPE "$1"', talk.process.pid))
    talk.send("go on")
    assert talk.code(5) == 0
    talk.close()
    assert done.exists()


def test_a_write_that_arrives_after_the_lock_was_given_back_is_not_run(host: LocalHost) -> None:
    watch = take(host)
    late = watch.wrap(cmd("touch", str(host.folder / "late")), 10)
    watch.release()
    result = host.run(late)
    assert result.code == NOT_RUN
    assert "nothing was run" in result.err
    assert not (host.folder / "late").exists()


def test_a_write_that_arrives_after_somebody_else_took_the_lock_is_not_run(host: LocalHost, watch: Watch) -> None:
    late = watch.wrap(cmd("touch", str(host.folder / "late")), 10)
    watch.release()
    other = take(host)
    assert host.run(late).code == NOT_RUN
    assert host.run(other.wrap(cmd("true"), 10)).code == 0
    other.release()


def test_two_writes_of_one_run_may_go_side_by_side(host: LocalHost, watch: Watch) -> None:
    slow = host.talk(watch.wrap(script("echo on; read -r"), 20))
    assert slow.receive(5) == "on"
    assert host.run(watch.wrap(cmd("true"), 10), within=5).code == 0
    slow.send("done")
    assert slow.code(5) == 0
    slow.close()
