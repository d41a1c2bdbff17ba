from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsbook.errors import ConnectionLost, Locked
from opsbook.shell import Command, cmd, script
from opsbook.ssh import Ssh
from opsbook.watch import Holder, Watch
from opsbook.watch.debts import debt
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd, kill
from tests.until import until
from tests.watch.client import BRISK

ADA, BOB = Holder("ada", "laptop", "reload-rules", "web1"), Holder("bob", "desk", "bring-up", "web1")


@pytest.fixture
def own(make_server: MakeServer) -> Sshd:
    """A server whose connections the test may break."""
    return make_server()


@pytest.fixture
def ssh(own: Sshd, connect: Connect) -> Ssh:
    return connect(own)


@pytest.fixture
def watch(own: Sshd, ssh: Ssh) -> Iterator[Watch]:
    taken = take(own, ssh)
    yield taken
    taken.release()


def take(server: Sshd, ssh: Ssh, who: Holder = ADA, wait: float = 0) -> Watch:
    return Watch.take(ssh.talk, who, wait=wait, on_lost=ssh.close, pace=BRISK, lock=str(server.folder / "lock"))


def owe(ssh: Ssh, service: Path) -> None:
    promise = debt("start-loki", cmd("touch", str(service)))
    assert isinstance(promise.do, Command)
    assert isinstance(promise.stdin, str)
    assert ssh.run(promise.do, promise.stdin).code == 0


def programs(server: Sshd) -> list[tuple[int, str]]:
    """What runs in the connections of the server, by process id."""
    asked = ["ps", "-o", "pid=,comm=", "-p", ",".join(map(str, server.sessions()))]
    listed = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return [(int(line.split()[0]), line.split()[1]) for line in listed.splitlines()]


def daemons(server: Sshd) -> list[int]:
    """The processes of sshd that carry connections, without what runs in them."""
    return [pid for pid, name in programs(server) if name.startswith("sshd")]


def test_a_second_connection_is_refused_while_the_first_holds_the_lock(own: Sshd, watch: Watch, connect: Connect) -> None:
    with pytest.raises(Locked, match="another operator"):
        take(own, connect(own), BOB)
    watch.beat()


def test_the_lock_outlasts_the_silence_while_other_commands_run(own: Sshd, watch: Watch, ssh: Ssh, connect: Connect) -> None:
    with ThreadPoolExecutor(1) as pool:
        contender = pool.submit(take, own, connect(own), BOB, 2 * BRISK.silence)
        while not contender.done():
            assert ssh.run(watch.wrap(cmd("sleep", "0.1"), 10)).code == 0
    assert isinstance(contender.exception(), Locked)


def test_a_dropped_connection_has_the_debts_paid_at_once(own: Sshd, watch: Watch, ssh: Ssh) -> None:
    owe(ssh, own.folder / "running")
    for daemon in daemons(own):
        kill(daemon, signal.SIGKILL)
    assert until((own.folder / "running").exists, within=BRISK.silence)
    with pytest.raises(ConnectionLost):
        watch.beat()


def test_a_network_that_swallows_everything_ends_both_sides(own: Sshd, watch: Watch, ssh: Ssh, connect: Connect) -> None:
    owe(ssh, own.folder / "running")
    swallowed = daemons(own)
    for daemon in swallowed:
        kill(daemon, signal.SIGSTOP)
    assert until((own.folder / "running").exists, within=3 * BRISK.silence)
    with pytest.raises(ConnectionLost):
        watch.beat()
    take(own, connect(own), BOB, wait=5).release()
    for daemon in swallowed:
        kill(daemon, signal.SIGCONT)


def test_a_lost_lock_ends_the_command_that_still_waits_for_the_dead_connection(own: Sshd, watch: Watch, ssh: Ssh) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ssh.run, watch.wrap(cmd("sleep", "60"), 60), None, 75)
        assert until(lambda: _sleeps(own))
        for daemon in daemons(own):
            kill(daemon, signal.SIGSTOP)
        with pytest.raises(ConnectionLost):
            waiting.result(timeout=10)


def test_a_write_goes_on_to_its_end_when_the_connection_drops(own: Sshd, watch: Watch, ssh: Ssh) -> None:
    done = own.folder / "done"
    talkative = script('sleep 0.3; for i in $(seq 200); do echo "$i"; echo "$i" >&2; sleep 0.005; done; touch "$1"', str(done))
    writing = threading.Thread(target=_until_lost, args=(ssh, watch.wrap(talkative, 30)))
    writing.start()
    assert until(lambda: _sleeps(own))
    for daemon in daemons(own):
        kill(daemon, signal.SIGKILL)
    assert until(done.exists, within=30)
    writing.join()


def test_a_new_holder_waits_for_the_write_of_a_dropped_connection(own: Sshd, watch: Watch, ssh: Ssh, connect: Connect) -> None:
    done = own.folder / "done"
    writing = threading.Thread(target=_until_lost, args=(ssh, watch.wrap(script('sleep 1; touch "$1"', str(done)), 30)))
    writing.start()
    assert until(lambda: _sleeps(own))
    for daemon in daemons(own):
        kill(daemon, signal.SIGKILL)
    other = take(own, connect(own), BOB, wait=10)
    assert done.exists()
    other.release()
    writing.join()


def _until_lost(ssh: Ssh, command: Command) -> None:
    with pytest.raises(ConnectionLost):
        ssh.run(command, None, 45)


def _sleeps(server: Sshd) -> bool:
    return any(name == "sleep" for _, name in programs(server))
