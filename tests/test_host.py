from __future__ import annotations

import pytest

from opsbook.errors import Bug, CommandFailed, ConnectionLost, Declined, PlanEnds, UsageError
from opsbook.events import Event
from opsbook.host import Read, Result, Write
from opsbook.inventory import HostEntry
from opsbook.shell import Secret, cmd
from opsbook.web import Endpoint, Request
from tests.fake import FakeGuard, FakeTransport, a_run, fake_host


def words(result: Result) -> list[str]:
    return result.out.split()


UPTIME = Read(cmd("uptime"), words)
RESTART = Write(cmd("systemctl", "restart", "x"), "restart x")


def test_a_read_returns_the_parsed_answer() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, "up 3 days")
    assert fake_host(fake).read(UPTIME) == ["up", "3", "days"]


def test_a_code_that_is_no_answer_raises_with_command_code_and_last_lines() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, Result(1, "", "one\ntwo"))
    with pytest.raises(CommandFailed) as caught:
        fake_host(fake).read(UPTIME)
    assert str(caught.value) == "vps-i1: `uptime` gave exit code 1\n  saw:  one\n        two"


def test_a_listed_code_is_an_answer() -> None:
    fake = FakeTransport()
    question = Read(cmd("test", "-e", "x"), lambda result: result.code == 0, answers=frozenset({0, 1}))
    fake.teach(question, Result(1))
    assert fake_host(fake).read(question) is False


def test_a_known_error_text_brings_its_hint() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, Result(1, "", "sudo: a password is required"))
    with pytest.raises(CommandFailed) as caught:
        fake_host(fake).read(UPTIME)
    assert caught.value.next == "opsbook provision-host vps-i1 --as root    (sudo wants a password: the right is missing)"


def test_an_answer_is_recalled_until_something_is_written() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, "first", "second")
    fake.teach(RESTART, "")
    host = fake_host(fake)
    assert host.recall(UPTIME) == host.recall(UPTIME) == ["first"]
    host.write(RESTART)
    assert host.recall(UPTIME) == ["second"]


def test_a_dry_run_reads_but_never_writes() -> None:
    fake, guard, events = FakeTransport(), FakeGuard(), list[Event]()
    fake.teach(UPTIME, "up")
    host = fake_host(fake, run=a_run(plan=True), guard=guard, events=events)
    assert host.read(UPTIME) == ["up"]
    host.write(RESTART)
    assert fake.asked == ["uptime"]
    assert guard.writes == []
    assert [(event.kind, event.title) for event in events][-1] == ("then", "restart x")
    assert not host.run.changed


def test_a_read_that_fails_after_a_plans_first_change_ends_the_plan() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, Result(1))
    host = fake_host(fake, run=a_run(plan=True))
    host.write(RESTART)
    with pytest.raises(PlanEnds):
        host.read(UPTIME)


def test_a_read_that_fails_before_a_plans_first_change_is_an_error() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, Result(1))
    with pytest.raises(CommandFailed):
        fake_host(fake, run=a_run(plan=True)).read(UPTIME)


def test_a_write_in_a_reading_runbook_is_a_bug() -> None:
    fake = FakeTransport()
    with pytest.raises(Bug):
        fake_host(fake, run=a_run(reads_only=True)).write(RESTART)
    assert fake.asked == []


def test_a_write_that_the_guard_refuses_is_never_sent() -> None:
    fake = FakeTransport()
    host = fake_host(fake, guard=FakeGuard(refuse=Declined("no")))
    with pytest.raises(Declined):
        host.write(RESTART)
    assert fake.asked == []
    assert not host.run.changed


def test_a_write_counts_as_a_change_even_when_its_answer_is_lost() -> None:
    fake = FakeTransport()
    fake.teach(RESTART, ConnectionLost("gone"))
    host = fake_host(fake)
    with pytest.raises(ConnectionLost):
        host.write(RESTART)
    assert host.run.changed


def test_a_service_that_refuses_the_connection_is_named_with_its_port() -> None:
    fake = FakeTransport()
    fake.teach(Request("loki", "/ready"), ConnectionRefusedError("refused"))
    with pytest.raises(CommandFailed, match="loki does not answer on port 3100"):
        fake_host(fake).read(Read(Request("loki", "/ready"), words))


def test_what_is_no_service_of_a_stack_is_asked_at_the_place_that_the_request_names() -> None:
    fake, ask = FakeTransport(), Request("cadvisor", "/healthz", at=Endpoint(port=8080))
    fake.teach(ask, "all is ok", ConnectionRefusedError("refused"))
    host = fake_host(fake, entry=HostEntry("serverB"))
    assert host.read(Read(ask, words)) == ["all", "is", "ok"]
    with pytest.raises(CommandFailed, match=r"(?s)serverB: cadvisor does not answer on port 8080.*opsbook triage serverB"):
        host.read(Read(ask, words))


def test_a_command_that_hangs_is_named_with_the_time_it_had() -> None:
    fake = FakeTransport()
    fake.teach(UPTIME, TimeoutError())
    with pytest.raises(CommandFailed, match="`uptime` gave no answer within 30 s"):
        fake_host(fake).read(UPTIME)


def test_a_secret_on_standard_input_reaches_the_host_and_no_event() -> None:
    fake, events = FakeTransport(), list[Event]()
    change = Write(cmd("passwd"), "set it", stdin=Secret("hunter2222"))
    fake.teach(change, Result(1, "hunter2222 is too short"))
    host = fake_host(fake, events=events)
    with pytest.raises(CommandFailed) as caught:
        host.write(change)
    assert fake.sent["passwd"] == "hunter2222"
    assert "hunter2222" not in f"{events} {caught.value}"


def test_a_host_without_a_stack_says_so() -> None:
    with pytest.raises(UsageError, match="no stack"):
        _ = fake_host(entry=HostEntry("serverA", "192.0.2.1")).stack


def test_an_answer_that_cannot_be_read_is_an_error_that_shows_its_beginning() -> None:
    fake = FakeTransport()
    question = Read(cmd("docker", "version"), lambda result: int(result.out))
    fake.teach(question, "<html>a proxy's login page</html>")
    with pytest.raises(CommandFailed, match=r"(?s)`docker version` gave an answer that cannot be read.*proxy's login page"):
        fake_host(fake).read(question)
