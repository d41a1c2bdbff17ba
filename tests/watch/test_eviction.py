from __future__ import annotations

import os
import signal
import subprocess

import pytest

from opsbook.errors import ConnectionLost, Refused
from opsbook.shell import cmd
from opsbook.watch import Holder
from opsbook.watch.debts import Payment
from opsbook.watch.eviction import Eviction
from tests.local_talk import LocalHost
from tests.until import until
from tests.watch.client import BRISK, Clients
from tests.watch.test_debts import owe, watch_pid
from tests.watch.test_watch import take


def eviction(host: LocalHost) -> Eviction:
    return Eviction(host, Holder("bob", "desk", "unlock", "vps-i1"), host.lock, BRISK)


def test_a_host_that_nobody_holds_has_nobody_to_evict(host: LocalHost) -> None:
    assert eviction(host).look() == ""
    assert eviction(host).evict() == ()


def test_a_look_names_the_holder_and_takes_nothing(host: LocalHost) -> None:
    watch = take(host)
    assert "ada@laptop runs reload-rules" in eviction(host).look()
    watch.beat()
    watch.release()


def test_an_evicted_operator_can_write_no_more_and_its_debts_are_paid(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-loki", cmd("touch", str(host.folder / "running")))
    late = watch.wrap(cmd("touch", str(host.folder / "late")), 10)
    assert eviction(host).evict() == (Payment("start-loki", 0),)
    assert (host.folder / "running").exists()
    with pytest.raises(ConnectionLost):
        watch.beat()
    assert host.run(late).code != 0
    assert not (host.folder / "late").exists()
    assert eviction(host).look() == ""
    watch.release()


def test_a_watch_that_hangs_is_killed_and_its_debts_are_paid(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-loki", cmd("touch", str(host.folder / "running")))
    os.kill(watch_pid(host), signal.SIGSTOP)
    eviction(host).evict(grace=5)
    assert (host.folder / "running").exists()
    watch.release()


def test_an_eviction_pays_what_a_killed_watch_left(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-loki", cmd("touch", str(host.folder / "running")))
    os.kill(watch_pid(host), signal.SIGKILL)
    assert until(lambda: eviction(host).look() == "")
    assert eviction(host).evict() == (Payment("start-loki", 0),)
    watch.release()


def test_an_eviction_waits_for_the_write_in_flight(host: LocalHost, clients: Clients) -> None:
    service = host.folder / "running"
    service.touch()
    client = clients.start()
    client.order("debt", "start-loki", str(service))
    client.order("stop", str(service))
    eviction(host).evict()
    assert service.exists(), "the stop came after the start"
    assert client.order("beat") == "lost"


def test_a_lock_held_by_something_else_is_left_alone(host: LocalHost) -> None:
    take(host).release()
    stranger = subprocess.Popen(["flock", host.lock, "cat"], stdin=subprocess.PIPE)
    assert until(lambda: host.run(cmd("flock", "--nonblock", host.lock, "true")).code != 0)
    with pytest.raises(Refused, match="not a watch of opsbook"):
        eviction(host).evict(grace=1)
    assert stranger.poll() is None
    stranger.communicate()


def test_a_stale_holder_file_never_gets_an_innocent_process_killed(host: LocalHost) -> None:
    take(host).release()
    innocent = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    host.holder.write_text(f'{{"operator": "x", "token": "", "since": 1, "pid": {innocent.pid}}}\n')
    stranger = subprocess.Popen(["flock", host.lock, "cat"], stdin=subprocess.PIPE)
    assert until(lambda: host.run(cmd("flock", "--nonblock", host.lock, "true")).code != 0)
    with pytest.raises(Refused):
        eviction(host).evict(grace=1)
    assert innocent.poll() is None
    innocent.communicate()
    stranger.communicate()
