from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from opsbook.errors import Bug, Locked
from opsbook.shell import Command, cmd, script
from opsbook.watch import Watch
from opsbook.watch.debts import Payment, debt, paid
from tests.local_talk import LocalHost
from tests.until import until
from tests.watch.client import BRISK, Clients
from tests.watch.test_watch import BOB, take


def owe(host: LocalHost, name: str, command: Command) -> None:
    assert host.write(debt(name, command)).code == 0


def watch_pid(host: LocalHost) -> int:
    pid: int = json.loads(host.holder.read_text())["pid"]
    return pid


def free(host: LocalHost) -> bool:
    return host.run(cmd("flock", "--nonblock", host.lock, "true")).code == 0


def test_a_killed_operator_has_its_debts_paid_and_the_lock_freed_at_once(host: LocalHost, clients: Clients) -> None:
    service = host.folder / "running"
    client = clients.start()
    assert client.order("debt", "start-loki", str(service)) == "0"
    client.process.kill()
    assert until(service.exists, within=BRISK.silence)
    assert until(lambda: free(host))
    assert list((host.state / "debts").iterdir()) == []


def test_a_frozen_operator_loses_the_lock_and_cannot_go_on_when_it_thaws(host: LocalHost, clients: Clients) -> None:
    service = host.folder / "running"
    client = clients.start()
    client.order("debt", "start-loki", str(service))
    client.process.send_signal(signal.SIGSTOP)
    assert until(service.exists, within=3 * BRISK.silence)
    take(host, BOB, wait=5).release()
    client.process.send_signal(signal.SIGCONT)
    assert client.order("beat") == "lost"


def test_a_write_in_flight_ends_before_the_debts_are_paid(host: LocalHost, clients: Clients) -> None:
    service = host.folder / "running"
    service.touch()
    client = clients.start()
    client.order("debt", "start-loki", str(service))
    assert client.order("stop", str(service)) == "stopping"
    client.process.kill()
    with pytest.raises(Locked, match="another operator"):
        take(host, BOB)     # the lock is kept until all is put back
    watch = take(host, BOB, wait=10)
    assert service.exists(), "the stop came after the start"
    watch.release()


def test_the_debts_of_a_killed_watch_are_paid_by_the_next_holder_after_the_write_in_flight(host: LocalHost, clients: Clients) -> None:
    service = host.folder / "running"
    service.touch()
    client = clients.start()
    client.order("debt", "start-loki", str(service))
    client.order("stop", str(service))
    os.kill(watch_pid(host), signal.SIGKILL)
    assert client.order("beat") == "lost"
    watch = take(host, BOB)
    assert watch.opening.payments == (Payment("start-loki", 0),)
    assert service.exists(), "the stop came after the start"
    watch.release()


def test_a_write_that_does_not_end_refuses_the_next_holder_unless_it_waits(host: LocalHost) -> None:
    first = take(host)
    slow = host.talk(first.wrap(script("echo on; sleep 30"), 30))
    assert slow.receive(5) == "on"
    os.kill(watch_pid(host), signal.SIGKILL)
    with pytest.raises(Locked, match="still under way"):
        take(host, BOB, pace=dataclasses.replace(BRISK, settle=0.3))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take, host, BOB, wait=20, pace=dataclasses.replace(BRISK, settle=0.3))
        assert not until(waiting.done, within=1)
        os.killpg(slow.process.pid, signal.SIGKILL)
        waiting.result(timeout=5).release()
    slow.close()
    first.release()


def test_what_is_still_owed_when_the_operator_says_goodbye_is_paid(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-loki", cmd("touch", str(host.folder / "running")))
    assert watch.release() == (Payment("start-loki", 0),)
    assert (host.folder / "running").exists()


def test_a_paid_debt_is_forgotten(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-loki", cmd("touch", str(host.folder / "running")))
    assert host.write(paid("start-loki")).code == 0
    assert watch.release() == ()
    assert not (host.folder / "running").exists()


def test_a_debt_that_fails_is_told_to_every_next_holder_and_never_done_again_unasked(host: LocalHost) -> None:
    watch = take(host)
    tried = host.folder / "tried"
    owe(host, "start-loki", script('echo x >>"$1"; exit 1', str(tried)))
    assert watch.release() == (Payment("start-loki", 1),)
    for _ in range(2):
        again = take(host)
        assert again.opening.payments == (Payment("start-loki", 126),)
        assert again.release() == ()
    assert tried.read_text() == "x\n"


def test_a_debt_that_is_registered_anew_replaces_the_one_that_failed(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-loki", cmd("false"))
    watch.release()
    again = take(host)
    owe(host, "start-loki", cmd("true"))
    assert host.write(paid("start-loki")).code == 0
    again.release()
    last = take(host)
    assert last.opening.payments == ()
    last.release()


def test_a_debt_that_nobody_paid_for_an_hour_is_told_and_not_done_unasked(host: LocalHost) -> None:
    done = host.folder / "done"
    owe(host, "start-loki", cmd("touch", str(done)))
    old = time.time() - 2 * 3600
    os.utime(host.state / "debts" / "start-loki", (old, old))
    watch = take(host)
    assert watch.opening.payments == (Payment("start-loki", 126),)
    watch.release()
    assert not done.exists()


def test_debts_are_paid_newest_first_and_a_failing_one_stops_none(host: LocalHost) -> None:
    order = host.folder / "order"
    watch = take(host)
    for name in ("first", "second", "third"):
        owe(host, name, script('echo "$2" >>"$1"; [ "$2" != second ]', str(order), name))
    assert [payment.name for payment in watch.release()] == ["third", "second", "first"]
    assert order.read_text().split() == ["third", "second", "first"]


def test_a_debt_with_hostile_words_does_only_what_it_says(host: LocalHost) -> None:
    hostile = host.folder / "a b'\"$(touch pwned)`id`;\n&.txt"
    watch = take(host)
    owe(host, "start-x", cmd("touch", str(hostile)))
    watch.release()
    assert hostile.exists()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-rf", "a b", "a\nb", ".hidden"])
def test_a_debt_cannot_have_a_name_that_is_no_plain_file_name(name: str) -> None:
    with pytest.raises(Bug):
        debt(name, cmd("true"))


def test_a_debt_whose_text_was_cut_on_the_way_is_not_registered(host: LocalHost) -> None:
    promise = debt("start-loki", cmd("touch", "running"))
    cut = dataclasses.replace(promise, stdin=str(promise.stdin)[:-3])
    assert host.write(cut).code == 74
    assert list((host.state / "debts").iterdir()) == []


def test_debts_are_readable_by_their_owner_alone(host: LocalHost) -> None:
    owe(host, "start-loki", cmd("true"))
    assert (host.state / "debts/start-loki").stat().st_mode & 0o777 == 0o600
    assert host.state.stat().st_mode & 0o777 == 0o700


def test_a_watch_that_pays_leaves_its_lock_to_no_child(host: LocalHost) -> None:
    watch = take(host)
    owe(host, "start-daemon", script('setsid sleep 20 >/dev/null 2>&1 & echo $! >"$1"', str(host.folder / "daemon")))
    watch.release()
    assert until(lambda: free(host), within=5)      # it says goodbye before it goes; the daemon would hold on for longer
    Watch.take(host.talk, BOB, pace=BRISK, lock=host.lock).release()
    os.kill(int((host.folder / "daemon").read_text()), signal.SIGKILL)
