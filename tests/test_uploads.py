from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.errors import Bug, CommandFailed, ConnectionLost
from opsbook.events import Event
from opsbook.host import Fetched, Upload
from opsbook.systems.release import send
from tests.fake import FakeGuard, FakeTransport, a_run, fake_host

UPLOAD = Upload(Path("/cache/release.tar.gz"), "/home/claude-admin/.sent.release.tar.gz")


def taught(*answers: BaseException) -> FakeTransport:
    made = FakeTransport()
    made.teach(UPLOAD, *answers)
    return made


def test_a_file_is_sent_behind_the_guard_and_told_as_a_change() -> None:
    guard, events = FakeGuard(), list[Event]()
    host = fake_host(taught(), guard=guard, events=events)
    host.write(send(UPLOAD))
    assert ([one.title for one in guard.writes], host.run.changed) == (["send release.tar.gz"], True)
    (event,) = events
    asked = "sftp release.tar.gz to /home/claude-admin/.sent.release.tar.gz"
    assert (event.kind, event.title, event.detail["asked"], event.detail["code"]) == ("write", "send release.tar.gz", asked, 0)


def test_a_guard_that_refuses_lets_no_file_through() -> None:
    transport = taught()
    with pytest.raises(ConnectionLost):
        fake_host(transport, guard=FakeGuard(refuse=ConnectionLost("the lock is lost"))).write(send(UPLOAD))
    assert transport.asked == []


def test_a_plan_shows_the_file_and_sends_none() -> None:
    transport, events = taught(), list[Event]()
    fake_host(transport, run=a_run(plan=True), events=events).write(send(UPLOAD))
    assert (transport.asked, [event.kind for event in events]) == ([], ["then"])


def test_a_runbook_that_reads_may_send_nothing() -> None:
    with pytest.raises(Bug, match="only reads"):
        fake_host(taught(), run=a_run(reads_only=True)).write(send(UPLOAD))


def test_a_transfer_without_an_end_is_a_failure_with_a_name() -> None:
    with pytest.raises(CommandFailed, match=r"sftp release\.tar\.gz") as failed:
        fake_host(taught(TimeoutError())).write(send(UPLOAD))
    assert failed.value.host == "vps-i1"


def test_what_this_machine_fetches_for_hosts_is_plugged_in() -> None:
    host = fake_host()
    with pytest.raises(Bug, match="fetches nothing"):
        host.fetched("https://mirror", "name")
    host.fetch_here = lambda folder, name: Fetched(Path(folder) / name, "a" * 64)
    assert host.fetched("/mirror", "name").path == Path("/mirror/name")
