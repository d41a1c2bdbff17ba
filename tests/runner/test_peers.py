from __future__ import annotations

from opsbook.check import Seen
from opsbook.errors import Bug, UsageError
from opsbook.host import Host, Read, Write
from opsbook.shell import cmd
from tests.runner.jobs import World, book

STATE = Read(cmd("state"), lambda result: result.out)
CHANGE = Write(cmd("change"), "change it")


def is_fine(host: Host, p: object) -> Seen:
    """It is fine."""
    return Seen(ok=True)


def scraper(host: Host) -> Host:
    return host.peer("scraper")


def world() -> World:
    made = World()
    made.roles = {"serverF": ("scraper",)}
    made.transports["serverF"] = type(made.transport)()
    made.transports["serverF"].teach(STATE, "scraping")
    return made


def test_a_peer_is_asked_over_a_connection_of_its_own_which_is_made_once_and_closed_at_the_end() -> None:
    here, seen = world(), []

    def ask_twice(host: Host, p: object) -> None:
        """Ask the scraper twice."""
        seen.extend([scraper(host), scraper(host)])
        assert scraper(host).read(STATE) == "scraping"

    assert here.run(book((ask_twice,), (is_fine,)), "vps-i1")[0].code == 0
    assert seen[0] is seen[1]
    assert (seen[0].name, here.transports["serverF"].asked) == ("serverF", ["state"])
    assert here.transports["serverF"].closed


def test_a_peer_cannot_be_changed() -> None:
    here = world()

    def change_the_other(host: Host, p: object) -> None:
        """Change the other host."""
        scraper(host).write(CHANGE)

    assert isinstance(here.run(book((change_the_other,), (is_fine,)), "vps-i1")[0].bug, Bug)
    assert here.transports["serverF"].asked == []


def test_a_role_that_nobody_has_is_refused() -> None:
    def ask_nobody(host: Host, p: object) -> None:
        """Ask a host that is not there."""
        host.peer("mirror")

    (ended,) = world().run(book((ask_nobody,), (is_fine,)), "vps-i1")
    assert isinstance(ended.error, UsageError)
    assert '0 hosts of the inventory have the role "mirror"' in str(ended.error)
    assert not ended.changed


def test_a_host_with_the_role_itself_asks_the_other_one_that_has_it() -> None:
    def ask_the_other(host: Host, p: object) -> None:
        """Ask another host with this host's role."""
        assert scraper(host).name == "serverF"

    here = world()
    here.roles = {"serverF": ("scraper",), "vps-i1": ("scraper",)}
    assert here.run(book((ask_the_other,), (is_fine,)), "vps-i1")[0].code == 0


def test_two_other_hosts_with_the_role_are_one_too_many() -> None:
    def ask_one(host: Host, p: object) -> None:
        """Ask one of two."""
        scraper(host)

    here = world()
    here.roles = {"serverF": ("scraper",), "serverA": ("scraper",)}
    (ended,) = here.run(book((ask_one,), (is_fine,)), "vps-i1")
    assert '2 hosts of the inventory have the role "scraper"' in str(ended.error)


def test_a_peer_is_found_by_its_name_too() -> None:
    def ask_by_name(host: Host, p: object) -> None:
        """Ask another host by its name."""
        assert host.peer("serverF").read(STATE) == "scraping"

    here = world()
    assert here.run(book((ask_by_name,), (is_fine,)), "vps-i1")[0].code == 0
    assert here.transports["serverF"].closed


def test_a_further_login_is_the_same_host_and_run_and_writes_as_it_does() -> None:
    def change_by_a_further_login(host: Host, p: object) -> None:
        """Change the host over a further login."""
        again = host.anew()
        assert (again.name, again.run) == (host.name, host.run)
        again.write(CHANGE)

    here = world()
    here.transport.teach(CHANGE)
    (ended,) = here.run(book((change_by_a_further_login,), (is_fine,)), "vps-i1")
    assert (ended.code, ended.changed, here.transport.closed) == (0, True, True)
    assert here.transport.asked.count("change") == 1
