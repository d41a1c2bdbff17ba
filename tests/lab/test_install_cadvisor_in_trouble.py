from __future__ import annotations

from collections.abc import Iterator

import pytest

from opsbook.errors import CommandFailed
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.systems import cadvisor
from tests.lab.measured import BLIND, BY_HAND, HOST, IMAGE, INSTALL, OPEN, SHUT, SQUATTER, false, on_host, seen_from_all_sides, status
from tests.lab.open_host import open_host
from tests.lab.process import Terminal, opsbook
from tests.until import until


@pytest.fixture
def ready(servers: Lab) -> Iterator[Lab]:
    """A Docker host without cAdvisor, open to the scraper."""
    renew(servers, HOST)
    on_host(servers, OPEN)
    yield servers
    renew(servers, HOST)


def test_a_new_one_that_cannot_do_its_work_goes_again(ready: Lab) -> None:
    terminal = Terminal(INSTALL).start()
    assert terminal.prompt(), terminal.seen
    on_host(ready, SQUATTER)        # whoever asks the port gets an answer, only not of ours
    terminal.answer("y")
    assert terminal.end() == 5, terminal.seen
    assert status(ready) == {}


def test_a_red_view_from_the_scraper_changes_nothing_back_and_says_where_to_look(ready: Lab) -> None:
    terminal = Terminal(INSTALL).start()
    assert terminal.prompt(), terminal.seen
    on_host(ready, SHUT)
    terminal.answer("y")
    assert terminal.end() == 4, terminal.seen
    assert "NOT TRUE The scraper sees it up" in terminal.seen
    assert "open-scrape-ports serverB" in terminal.seen
    assert status(ready) == {"cadvisor": "running"}


def test_each_proof_is_red_while_the_real_thing_is_broken_and_true_once_it_is_mended(ready: Lab) -> None:
    assert opsbook(*INSTALL, "--yes").code == 0
    with seen_from_all_sides(ready) as host:
        assert false(host) == {}
        on_host(ready, "docker pause cadvisor")
        assert false(host, "is_healthy") != {}
        assert until(lambda: false(host, "is_scraped"), within=30)
        on_host(ready, "docker unpause cadvisor; ufw disable >/dev/null")
        assert "answers" in false(host, "strangers_hear_nothing")["strangers_hear_nothing"].saw
        on_host(ready, "ufw --force enable >/dev/null")
        assert until(lambda: not false(host, "is_healthy", "is_scraped"), within=30)
        on_host(ready, f"docker rename cadvisor ours; docker stop ours; {BLIND}")
        wrong = ("runs_as_meant", "names_the_containers", "scraper_has_this_very_container")
        assert until(lambda: set(false(host, *wrong)) == set(wrong), within=30), false(host)
        on_host(ready, "docker rm --force cadvisor; docker rename ours cadvisor; docker start cadvisor")
        assert until(lambda: not false(host), within=30), false(host)


def test_a_new_one_that_cannot_start_leaves_the_old_one_running_under_its_name(ready: Lab) -> None:
    on_host(ready, BY_HAND)
    on_host(ready, f"docker create --name=cadvisor-next --device=/dev/no-such {IMAGE}")
    with open_host(ready, HOST) as host:
        old = cadvisor.named(host.read(cadvisor.known()), cadvisor.NAME)
        with pytest.raises(CommandFailed, match="no-such"):
            host.write(cadvisor.swap(old))
        now = cadvisor.named(host.read(cadvisor.known()), cadvisor.NAME)
    assert now is not None
    assert old is not None
    assert (now.id, now.running) == (old.id, True)
