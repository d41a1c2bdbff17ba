from __future__ import annotations

import pytest

from opsbook.host import Read, Result, Write
from opsbook.shell import cmd
from opsbook.web import Request
from tests.fake import FakeGuard, FakeTransport, Untaught, a_run, fake_host

NAME = Read(cmd("hostname"), lambda result: result.out.strip())


def test_a_taught_answer_comes_back_and_is_noted() -> None:
    fake = FakeTransport()
    fake.teach(NAME, "vps-i1\n")
    assert fake_host(fake).read(NAME) == "vps-i1"
    assert fake.asked == ["hostname"]


def test_an_untaught_question_raises_and_names_the_nearest_known_one() -> None:
    fake = FakeTransport()
    fake.teach(cmd("hostname"), "x")
    with pytest.raises(Untaught, match="hostname --fqdn\nthe nearest it knows:\nhostname"):
        fake_host(fake).read(Read(cmd("hostname", "--fqdn"), str))


def test_several_answers_serve_in_turn_and_the_last_for_good() -> None:
    fake = FakeTransport()
    fake.teach(NAME, "one", "two")
    host = fake_host(fake)
    assert [host.read(NAME) for _ in range(3)] == ["one", "two", "two"]


def test_a_write_can_change_what_a_later_read_sees() -> None:
    fake, change = FakeTransport(), Write(cmd("hostname", "new"), "rename the host")
    fake.teach(NAME, "old")
    fake.teach(change)
    fake.after(change, lambda: fake.teach(NAME, "new"))
    host = fake_host(fake)
    host.write(change)
    assert host.read(NAME) == "new"


def test_a_plan_shows_a_write_and_sends_nothing() -> None:
    fake, guard = FakeTransport(), FakeGuard()
    fake_host(fake, run=a_run(plan=True), guard=guard).write(Write(cmd("reboot"), "reboot"))
    assert (fake.asked, guard.writes) == ([], [])


def test_requests_are_told_apart_by_path_query_method_and_body() -> None:
    fake = FakeTransport()
    fake.teach(Request("loki", "/push", method="POST", body="a"), Result(204))
    host = fake_host(fake)
    host.write(Write(Request("loki", "/push", method="POST", body="a"), "push"))
    with pytest.raises(Untaught):
        host.write(Write(Request("loki", "/push", method="POST", body="b"), "push"))
