from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.answer import Answer
from opsbook.errors import Refused, UsageError
from opsbook.host import Result
from opsbook.page import read_page
from opsbook.runbook import load
from opsbook.systems import docker
from tests.fake import FakeTransport, a_run, fake_host
from tests.fake_docker import inspected, teach_containers

BOOK = load(read_page(Path(__file__).parents[3] / "runbooks/stack/logs.py", "stack"))


def answered(fake: FakeTransport, **params: object) -> Answer:
    assert BOOK.answer is not None
    answer = BOOK.answer(fake_host(fake, run=a_run(reads_only=True)), BOOK.params(**{"service": "loki", **params}))
    assert isinstance(answer, Answer)
    return answer


def a_host(**container: str) -> FakeTransport:
    fake = FakeTransport()
    teach_containers(fake, [inspected("loki", **container)])
    return fake


def test_the_newest_hundred_lines_are_shown_unless_told_otherwise() -> None:
    fake = a_host()
    fake.teach(docker.last_lines("loki-id", 100), "one\ntwo\n")
    assert answered(fake).lines == ("one", "two")


def test_a_stopped_service_still_has_its_log() -> None:
    fake = a_host(status="exited")
    fake.teach(docker.last_lines("loki-id", 5, since="10m"), "last words\n")
    assert answered(fake, lines=5, since="10m").lines == ("last words",)


def test_following_yields_lines_as_they_come() -> None:
    fake = a_host()
    fake.teach(docker.logs("loki-id", lines=100, follow=True), Result(0, "one\ntwo\n"))
    stream = answered(fake, follow=True).stream
    assert stream is not None
    assert list(stream) == ["one", "two"]


@pytest.mark.parametrize("since", ["yesterday", "10", "$(reboot)", "10m; reboot", "-1h", ""])
def test_a_time_that_docker_would_misread_is_refused_before_anything_is_asked(since: str) -> None:
    fake = FakeTransport()
    with pytest.raises(UsageError):
        answered(fake, since=since)
    assert fake.asked == []


@pytest.mark.parametrize("since", ["10m", "1h30m", "90s", "2026-11-21", "2026-11-21T01:05:00Z", "1700000000"])
def test_durations_and_times_are_understood(since: str) -> None:
    fake = a_host()
    fake.teach(docker.last_lines("loki-id", 100, since=since), "")
    assert answered(fake, since=since).lines == ()


def test_a_service_without_a_container_has_no_log() -> None:
    fake = FakeTransport()
    teach_containers(fake, [])
    with pytest.raises(Refused, match="bring-up"):
        answered(fake)
