from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsbook import record
from opsbook.errors import CommandFailed, ConnectionLost, Locked, Refused
from opsbook.shell import script
from opsbook.watch import Holder, Pace, Watch
from tests.local_talk import LocalHost
from tests.until import until
from tests.watch.client import BRISK

ADA = Holder("ada", "laptop", "reload-rules", "vps-i1")
BOB = Holder("bob", "desk", "bring-up", "vps-i1")


def take(host: LocalHost, who: Holder = ADA, *, wait: float = 0, pace: Pace = BRISK) -> Watch:
    return Watch.take(host.talk, who, wait=wait, pace=pace, lock=host.lock)


def test_the_opening_tells_the_hosts_clock_and_that_nothing_was_under_way(host: LocalHost) -> None:
    watch = take(host)
    assert abs(watch.opening.now - time.time()) < 5
    assert watch.opening.record is None
    assert watch.opening.payments == ()
    watch.release()


def test_a_lock_that_was_given_back_can_be_taken_again_at_once(host: LocalHost) -> None:
    take(host).release()
    take(host, BOB).release()
    assert not host.holder.exists()


def test_a_second_operator_is_refused_and_told_who_runs_what_since_when(host: LocalHost) -> None:
    watch = take(host)
    with pytest.raises(Locked) as refused:
        take(host, BOB)
    assert "ada@laptop runs reload-rules since" in refused.value.saw
    assert "last beat 0 s ago" in refused.value.saw or "last beat 1 s ago" in refused.value.saw
    assert "opsbook unlock vps-i1" in refused.value.next
    assert refused.value.exit_code == 7
    watch.release()


def test_of_two_operators_at_the_same_moment_exactly_one_gets_the_lock(host: LocalHost) -> None:
    def attempt(who: Holder) -> Watch | Locked:
        try:
            return take(host, who)
        except Locked as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(attempt, (ADA, BOB)))
    winners = [one for one in ended if isinstance(one, Watch)]
    assert len(winners) == 1
    winners[0].release()


def test_heartbeats_keep_the_lock_far_beyond_the_silence_that_would_lose_it(host: LocalHost) -> None:
    watch = take(host)
    with pytest.raises(Locked):
        take(host, BOB, wait=2 * BRISK.silence)
    watch.beat()
    watch.release()


def test_a_waiting_operator_gets_the_lock_as_soon_as_it_is_free(host: LocalHost) -> None:
    watch = take(host)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take, host, BOB, wait=20)
        assert not until(waiting.done, within=0.5)
        watch.release()
        waiting.result(timeout=5).release()


def test_a_beat_after_the_connection_broke_raises_and_ends_what_waits_for_it(host: LocalHost) -> None:
    told = threading.Event()
    slow = Pace(beat=60, echo=1, silence=90)
    watch = Watch.take(host.talk, ADA, on_lost=told.set, pace=slow, lock=host.lock)
    pid = json.loads(host.holder.read_text())["pid"]
    host.run(script('kill -KILL "$1"', pid))
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            watch.beat()
    assert told.is_set()
    assert watch.release() == ()


def test_the_heart_notices_a_broken_connection_by_itself(host: LocalHost) -> None:
    told = threading.Event()
    watch = Watch.take(host.talk, ADA, on_lost=told.set, pace=BRISK, lock=host.lock)
    pid = json.loads(host.holder.read_text())["pid"]
    host.run(script('kill -KILL "$1"', pid))
    assert told.wait(3 * BRISK.beat + BRISK.echo)
    watch.release()


def test_a_host_that_no_longer_echoes_is_given_up_after_the_echo_time(host: LocalHost) -> None:
    watch = take(host, pace=Pace(beat=60, echo=0.4, silence=90))
    pid = json.loads(host.holder.read_text())["pid"]
    host.run(script('kill -STOP "$1"', pid))
    with pytest.raises(ConnectionLost):
        watch.beat()
    watch.release()
    host.run(script('kill -CONT "$1"', pid))
    assert until(lambda: not host.holder.exists())


def test_the_unfinished_record_comes_with_the_opening_however_large(host: LocalHost) -> None:
    unfinished = record.Record(record.new_id(0), "rotate", {"name": "x y"}, "ada@laptop", 5.5, "do", {"text": "é" * 200_000})
    order = record.create(unfinished)
    assert host.run(order.command, order.stdin).code == 0
    watch = take(host)
    assert watch.opening.record == unfinished
    watch.release()


def test_a_damaged_record_refuses_only_those_who_read_it(host: LocalHost) -> None:
    host.state.mkdir(parents=True)
    (host.state / "record.json").write_text('{"id": "2611')
    watch = take(host)
    with pytest.raises(Refused, match="damaged"):
        watch.opening.record  # noqa: B018 - reading it is the test
    watch.release()


def test_a_holder_with_strange_names_is_told_as_it_is(host: LocalHost) -> None:
    strange = Holder("ada'; touch /tmp/x; '\"", "lap top\n$(id)", "a\\b", "h")
    watch = take(host, strange)
    with pytest.raises(Locked) as refused:
        take(host, BOB)
    assert f"{strange.operator}@{strange.machine} runs {strange.runbook}" in refused.value.saw
    watch.release()


def test_what_a_killed_watch_of_another_login_left_misleads_nobody(host: LocalHost) -> None:
    left = Path(f"{host.lock}.holder.{os.geteuid() + 1}")
    left.write_text('{"operator": "eve", "machine": "hall", "runbook": "logs", "token": "t", "since": 1, "pid": 1}\n')
    os.utime(left, (1, 1))
    watch = take(host)
    with pytest.raises(Locked) as refused:
        take(host, BOB)
    assert "ada@laptop runs reload-rules since" in refused.value.saw
    watch.release()
    assert left.exists()


def test_a_host_that_cannot_keep_a_lock_says_why(host: LocalHost) -> None:
    nowhere = str(host.folder / "missing/lock")
    with pytest.raises(CommandFailed) as failed:
        Watch.take(host.talk, ADA, pace=BRISK, lock=nowhere)
    assert "No such file or directory" in failed.value.saw
    assert failed.value.host == "vps-i1"
