from __future__ import annotations

import pytest

from opsbook.errors import CommandFailed, ConnectionLost, Interrupted, NotTrue, Refused
from opsbook.host import Host
from opsbook.inventory import HostEntry
from opsbook.moves.confirmed import confirmed, expect_nothing_waits, put_back
from opsbook.systems.ufw import change
from tests.fake import FakeGuard
from tests.fake_firewall import FakeServer, Settings, logged_in

ENTRY = HostEntry("serverA", address="192.0.2.12")
OPEN = change(["allow 9100 192.0.2.16 why"], "open 9100")
LATER = Settings(rules=("deny tcp 22 0.0.0.0/0 any 0.0.0.0/0 in",))


def titles(host: Host) -> list[str]:
    assert isinstance(host.guard, FakeGuard)
    return [change.title for change in host.guard.writes]


def test_a_change_is_saved_for_before_and_confirmed_after_by_a_new_login() -> None:
    server = FakeServer()
    host, _ = logged_in(server, ENTRY)
    with confirmed(host, "firewall", about="open 9100"):
        assert server.saved is not None
        host.write(OPEN)
    assert (server.saved, len(server.now.rules)) == (None, 2)
    assert titles(host)[0].startswith("let the host put the settings of the firewall back in 60 s")
    assert titles(host)[-1] == "confirm the new settings from a new login"


def test_the_operator_is_asked_about_the_change_and_not_about_the_arming() -> None:
    host, _ = logged_in(FakeServer(), ENTRY)
    with confirmed(host, "firewall", about="open 9100"):
        pass
    assert isinstance(host.guard, FakeGuard)
    assert host.guard.writes[0].about == "open 9100"


def test_where_no_new_login_gets_in_the_host_puts_it_back_and_that_is_proven() -> None:
    server = FakeServer()
    host, _ = logged_in(server, ENTRY)
    before = server.now
    with pytest.raises(NotTrue, match="a new login gets in with the new settings of the firewall"), confirmed(host, "firewall", about="x"):
        server.now = LATER
    assert (server.now, server.saved, server.clock() >= server.until) == (before, None, True)


def test_a_host_that_does_not_heal_is_called_so() -> None:
    server = FakeServer(heals=False)
    host, _ = logged_in(server, ENTRY)
    with pytest.raises(NotTrue, match="The host has put back what nobody could confirm"), confirmed(host, "firewall", about="x"):
        server.now = LATER


def test_a_block_that_fails_is_put_back_at_once() -> None:
    server = FakeServer()
    host, _ = logged_in(server, ENTRY)
    before = server.now
    with pytest.raises(CommandFailed, match="no"), confirmed(host, "firewall", about="x"):
        host.write(OPEN)
        raise CommandFailed("no")
    assert (server.now, server.last.split()[1], server.clock()) == (before, "healed", 1000.0)


@pytest.mark.parametrize("error", [ConnectionLost("gone"), Interrupted("Ctrl-C")])
def test_a_host_that_we_lose_or_leave_is_left_to_heal_itself(error: Exception) -> None:
    server = FakeServer()
    host, _ = logged_in(server, ENTRY)
    with pytest.raises(type(error)), confirmed(host, "firewall", about="x"):
        host.write(OPEN)
        raise error
    assert server.saved is not None
    server.clock.pause(61)
    server.heal_in_time()
    assert server.now == Settings()


def test_a_confirmation_that_comes_too_late_is_an_error() -> None:
    server = FakeServer()
    host, _ = logged_in(server, ENTRY)
    with pytest.raises(CommandFailed, match="exit code 65"), confirmed(host, "firewall", about="x", seconds=60):
        host.write(OPEN)
        server.clock.pause(61)
    assert server.now == Settings()


def test_what_a_killed_run_has_not_confirmed_is_put_back_first() -> None:
    server = FakeServer()
    killed, _ = logged_in(server, ENTRY)
    with pytest.raises(ConnectionLost), confirmed(killed, "firewall", about="x"):
        killed.write(OPEN)
        raise ConnectionLost("killed")
    host, _ = logged_in(server, ENTRY)
    with pytest.raises(Refused, match="a change of the firewall waits to be confirmed"):
        expect_nothing_waits(host, "firewall")
    put_back(host, "firewall")
    assert (server.now, titles(host)) == (Settings(), ["put back the settings that nobody has confirmed"])
    put_back(host, "firewall")
    assert len(titles(host)) == 1
    expect_nothing_waits(host, "firewall")


def test_a_plan_arms_nothing() -> None:
    server = FakeServer()
    host, _ = logged_in(server, ENTRY, plan=True)
    with confirmed(host, "firewall", about="x"):
        host.write(OPEN)
    assert (server.saved, server.now, titles(host)) == (None, Settings(), [])
