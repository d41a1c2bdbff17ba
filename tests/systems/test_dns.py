from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.dns import Resolved, parse_resolved, resolve
from tests.here import ask


def test_a_name_is_resolved_by_the_host_itself_and_an_address_is_its_own() -> None:
    assert "127.0.0.1" in ask(resolve("localhost")).addresses
    assert ask(resolve("2001:DB8::1")).addresses == ("2001:db8::1",)


def test_a_name_that_nobody_knows_has_no_address_and_a_reason() -> None:
    found = ask(resolve("nobody.invalid"))
    assert (found.addresses, bool(found.why)) == ((), True)


def test_each_address_is_told_once_and_without_its_zone() -> None:
    assert parse_resolved(Result(0, "192.0.2.1\n192.0.2.1\nfe80::1%eth0\n")) == Resolved(("192.0.2.1", "fe80::1"))
    assert parse_resolved(Result(2, "Name or service not known\n")) == Resolved(why="Name or service not known")
    assert parse_resolved(Result(124)) == Resolved(why="the resolver gave no answer")
