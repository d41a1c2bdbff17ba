from __future__ import annotations

import pytest

from opsbook.check import Seen, within
from opsbook.errors import CommandFailed, ConnectionLost, Interrupted, NotTrue, Refused
from opsbook.events import Event
from opsbook.host import Host, Result
from opsbook.moves.services import (
    endpoint_answers,
    expect_own_project,
    has_started_anew,
    is_healthy,
    restart_count_is_stable,
    stopped,
)
from opsbook.shell import Command
from opsbook.systems.compose import compose
from opsbook.watch.debts import debt, paid
from opsbook.web import Request
from tests.fake import STACK, FakeGuard, FakeTransport, a_run, fake_host
from tests.fake_docker import inspected, teach_containers

PROJECT = compose(STACK)
START, STOP = PROJECT.start("loki"), PROJECT.stop("loki")
READY = Request("loki", "/ready")


def host_with(*looks: list[dict[str, object]]) -> tuple[FakeTransport, Host]:
    fake = FakeTransport()
    teach_containers(fake, *looks)
    return fake, fake_host(fake)


def host_to_stop_loki(**answers: Result | BaseException) -> tuple[FakeTransport, Host, list[Event]]:
    """A host on which Loki can be stopped and started, with other answers for some of it."""
    fake, events = FakeTransport(), list[Event]()
    assert isinstance(START.do, Command)
    for name, change in {"debt": debt("start-loki", START.do), "stop": STOP, "start": START, "paid": paid("start-loki")}.items():
        fake.teach(change, answers.get(name, Result(0)))
    return fake, fake_host(fake, events=events), events


def titles(host: Host) -> list[str]:
    assert isinstance(host.guard, FakeGuard)
    return [change.title for change in host.guard.writes]


def test_a_service_is_stopped_for_the_block_after_the_host_knows_how_to_start_it() -> None:
    _, host, _ = host_to_stop_loki()
    with stopped(host, "loki"):
        assert titles(host)[1:] == ["stop loki"]
    owed, dropped = "let the host start loki if we vanish", "the host need no longer start loki if we vanish"
    assert titles(host) == [owed, "stop loki", "start loki", dropped]


def test_the_debt_is_the_command_that_starts_it() -> None:
    fake, host, _ = host_to_stop_loki()
    with stopped(host, "loki"):
        pass
    assert isinstance(START.do, Command)
    assert START.do.line() + "\n" in fake.sent.values()


def test_a_service_is_started_again_when_the_block_fails_and_the_failure_stays() -> None:
    _, host, _ = host_to_stop_loki()
    with pytest.raises(NotTrue, match="the copy is whole"), stopped(host, "loki"):
        raise NotTrue("the copy is whole")
    assert titles(host)[-2:] == ["start loki", "the host need no longer start loki if we vanish"]


def test_a_start_that_fails_leaves_the_debt_to_the_host_and_does_not_hide_the_first_failure() -> None:
    _, host, events = host_to_stop_loki(start=Result(1, "", "no such image"))
    with pytest.raises(NotTrue, match="the copy is whole"), stopped(host, "loki"):
        raise NotTrue("the copy is whole")
    assert not [title for title in titles(host) if "no longer" in title]
    assert any("the host does it when this run ends" in event.title for event in events)


def test_a_start_that_fails_after_a_good_block_is_the_failure() -> None:
    _, host, _ = host_to_stop_loki(start=Result(1, "", "no such image"))
    with pytest.raises(CommandFailed, match="no such image"), stopped(host, "loki"):
        pass
    assert not [title for title in titles(host) if "no longer" in title]


@pytest.mark.parametrize("end", [Interrupted("Ctrl-C"), ConnectionLost("gone")])
def test_an_interrupted_block_leaves_the_debt_to_the_host_when_nothing_can_be_written(end: Interrupted | ConnectionLost) -> None:
    fake, host, _ = host_to_stop_loki()
    guard = host.guard
    assert isinstance(guard, FakeGuard)
    with pytest.raises(type(end)), stopped(host, "loki"):
        guard.refuse = end
        raise end
    assert "start loki" not in "\n".join(fake.asked[2:])


def test_nothing_is_stopped_when_the_debt_cannot_be_registered() -> None:
    _, host, _ = host_to_stop_loki(debt=Result(74, "", "disk full"))
    with pytest.raises(CommandFailed, match="disk full"), stopped(host, "loki"):
        pytest.fail("the block ran")
    assert "stop loki" not in titles(host)


def test_a_plan_shows_stop_and_start_and_does_neither() -> None:
    fake, events = FakeTransport(), list[Event]()
    with stopped(fake_host(fake, run=a_run(plan=True), events=events), "loki"):
        pass
    assert fake.asked == []
    assert [event.title for event in events][1:3] == ["stop loki", "start loki"]


@pytest.mark.parametrize(
    ("raw", "ok", "saw"),
    [
        ([inspected("loki")], True, "loki is running (healthy)"),
        ([inspected("loki", health="starting")], False, "loki is running (starting)"),
        ([inspected("loki", health="unhealthy")], False, "loki is running (unhealthy): loki says unhealthy"),
        ([inspected("loki", status="exited", health="unhealthy")], False, "loki is exited (1): loki says unhealthy"),
        ([inspected("loki", status="restarting", health="starting")], False, "loki is restarting (1)"),
        ([inspected("promtail")], False, "loki has no container"),
        ([], False, "loki has no container"),
    ],
)
def test_only_a_running_container_with_a_good_health_check_is_healthy(raw: list[dict[str, object]], ok: bool, saw: str) -> None:
    seen = is_healthy(host_with(raw)[1], "loki")
    assert (seen.ok, seen.saw) == (ok, saw)


def test_without_a_health_check_the_endpoint_decides() -> None:
    fake, host = host_with([inspected("loki", health="")])
    fake.teach(READY, Result(503, "Ingester not ready"), Result(200, "ready"))
    assert [is_healthy(host, "loki").ok for _ in range(2)] == [False, True]


def test_a_stopped_container_without_a_health_check_is_not_healthy() -> None:
    assert not is_healthy(host_with([inspected("loki", health="", status="exited")])[1], "loki").ok


@pytest.mark.parametrize(
    ("answer", "ok", "saw"),
    [
        (Result(200, "ready"), True, "/ready gave status 200"),
        (Result(503, "Ingester not ready: waiting\nmore"), False, "/ready gave status 503: Ingester not ready: waiting"),
        (Result(401, ""), False, "/ready gave status 401"),
        (ConnectionRefusedError("refused"), False, "loki does not answer on port 3100 (refused)"),
        (TimeoutError(), False, "`GET loki /ready` gave no answer within 10 s"),
    ],
)
def test_an_endpoint_answers_with_200_or_not_at_all(answer: Result | BaseException, ok: bool, saw: str) -> None:
    fake = FakeTransport()
    fake.teach(READY, answer)
    assert endpoint_answers(fake_host(fake), "loki") == Seen(ok, saw, "opsbook logs loki vps-i1")


def test_a_count_that_stays_while_watched_is_stable() -> None:
    fake, host = host_with([inspected("loki", restarts=4)])
    seen = restart_count_is_stable(host, "loki")
    assert (seen.ok, seen.saw) == (True, "no restart in 3 s, 4 in all")
    assert len(fake.asked) == 4


@pytest.mark.parametrize(
    ("later", "saw"),
    [
        ([inspected("loki", restarts=2, started=1_700_000_200)], "loki: restarts 0 → 2, now running (healthy)"),
        ([inspected("loki", status="restarting", restarts=1)], "loki: restarts 0 → 1, now restarting (1)"),
        ([], "loki: its container is gone"),
    ],
)
def test_a_restart_while_watched_is_seen(later: list[dict[str, object]], saw: str) -> None:
    fake, host = host_with([inspected("loki")], [inspected("loki")], later)
    seen = restart_count_is_stable(host, "loki")
    assert (seen.ok, seen.saw) == (False, saw)
    assert len(fake.asked) == 3


def test_a_service_that_is_down_is_not_stable() -> None:
    assert restart_count_is_stable(host_with([inspected("loki", status="exited")])[1], "loki").saw == "loki is exited (1)"


@pytest.mark.parametrize(("started", "ok"), [(1_700_000_001.0, True), (1_699_999_999.0, False)])
def test_a_start_counts_only_after_this_run_began(started: float, ok: bool) -> None:
    host = host_with([inspected("loki", started=started)])[1]
    assert host.run.started == 1_700_000_000.0
    assert has_started_anew(host, "loki").ok is ok


def test_a_wait_ends_as_soon_as_the_service_is_healthy() -> None:
    fake, host = host_with([inspected("loki", health="starting")], [inspected("loki", health="starting")], [inspected("loki")])
    assert within(30, is_healthy)(host, "loki").ok
    assert len(fake.asked) == 3


def test_a_project_of_another_directory_is_refused() -> None:
    host = host_with([inspected("loki", directory="/home/anna/monitoring")])[1]
    with pytest.raises(Refused, match=r"belongs to another directory\n.*/home/anna/monitoring"):
        expect_own_project(host)
    expect_own_project(host_with([inspected("loki")])[1])
