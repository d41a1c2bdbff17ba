from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from opsbook.check import Seen, look_once
from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.inventory_file import load
from opsbook.lab import breaking
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.runbook import NoParams
from opsbook.systems import cadvisor
from tests.lab.open_host import open_host
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.server_state import server_state
from tests.lab.stack_runs import killed_at_every_prompt, killed_when
from tests.runbooks.checkout_site import book
from tests.until import until

HOST, IMAGE = "serverB", "ghcr.io/google/cadvisor:v0.60.5"
INSTALL = ("--lab", "install-cadvisor", HOST)
BOOK = book("install-cadvisor")
OPEN = 'ufw allow proto tcp from "$1" to any port 8080 comment opsbook:test >/dev/null'
SHUT = 'ufw delete allow proto tcp from "$1" to any port 8080 >/dev/null'
BY_HAND = f"docker run --detach --name=cadvisor --publish=127.0.0.1:8080:8080 --volume=/var/run:/var/run:ro {IMAGE}"
PROMPTS, REPLACED = 4, {"cadvisor": "running", "cadvisor-before": "exited"}     # before each step, and at the first change
BLIND = f"docker run --detach --name=cadvisor --network=host {IMAGE} --port=8080 --docker=unix:///nowhere"
SQUATTER = f"docker run --detach --name=squatter --network=host --volume=/var/run:/var/run:ro {IMAGE} --port=8080"


def on_host(lab: Lab, text: str) -> str:
    """Run a script as root on the Docker host; `$1` is the scraper's address."""
    return script(lab.container(HOST), text, address(lab, "serverF"))


def address(lab: Lab, name: str) -> str:
    """Return the address under which the other hosts know it."""
    return load(lab.inventory, dict(os.environ)).host(name).peer_address or ""


def changes(ran: Ran) -> list[str]:
    """Return what the journal says was changed."""
    run = json.loads(ran.out)["run"]
    return [event["title"] for event in json.loads(opsbook("history", "show", run, "--json").out)["events"] if event["kind"] == "write"]


def status(lab: Lab) -> dict[str, str]:
    """Return image and state of each container whose name speaks of cAdvisor."""
    listed = on_host(lab, "docker ps --all --filter=name=cadvisor --format='{{.Names}} {{.State}}'")
    return dict(line.split() for line in listed.splitlines())


@pytest.fixture
def closed(servers: Lab) -> Iterator[Lab]:
    """A Docker host without cAdvisor, whose firewall lets nobody in."""
    renew(servers, HOST)
    yield servers
    renew(servers)


@pytest.fixture
def ready(closed: Lab) -> Lab:
    """The same, open to the scraper."""
    on_host(closed, OPEN)
    return closed


def test_it_is_installed_once_planned_without_a_trace_and_undone_to_what_was(ready: Lab) -> None:
    before = server_state(ready, HOST)
    plan = opsbook(*INSTALL, "--plan")
    assert (plan.code, "--privileged" in plan.err, server_state(ready, HOST) == before) == (0, True, True), plan.text
    first = opsbook(*INSTALL, "--yes", "--json")
    assert (first.code, changes(first)) == (0, [f"make a container of {IMAGE}", "start cadvisor"]), first.text
    again = opsbook(*INSTALL, "--yes", "--json")
    assert (again.code, changes(again)) == (0, []), again.text
    undone = opsbook("--lab", "undo", json.loads(first.out)["run"], HOST, "--yes")
    assert (undone.code, server_state(ready, HOST) == before) == (0, True), undone.text


def test_a_look_names_what_has_to_come_first(closed: Lab) -> None:
    filtered = opsbook(*INSTALL, "--yes")
    assert (filtered.code, "open-scrape-ports serverB" in filtered.err) == (3, True), filtered.text
    on_host(closed, "ufw disable >/dev/null")
    unguarded = opsbook(*INSTALL, "--yes")
    assert (unguarded.code, "no firewall keeps strangers out" in unguarded.err) == (3, True), unguarded.text
    breaking.break_(closed, "scraper-down")
    blind = opsbook(*INSTALL, "--yes")
    assert (blind.code, "nothing was changed" in blind.err, "prometheus" in blind.err) == (3, True, True), blind.text
    assert status(closed) == {}


def test_killed_at_every_step_it_replaces_the_old_one_once_and_gives_it_back(ready: Lab) -> None:
    on_host(ready, BY_HAND)
    killed, seen = killed_at_every_prompt(ready, *INSTALL)
    assert (killed, "changed, and proven" in seen) == (PROMPTS, True), seen
    assert status(ready) == REPLACED
    run = next(line.split()[-2] for line in seen.splitlines() if "to take it back: " in line)
    undone = opsbook("--lab", "undo", run, HOST, "--yes")
    assert (undone.code, status(ready)) == (0, {"cadvisor": "running"}), undone.text
    assert "127.0.0.1:8080->8080/tcp" in on_host(ready, "docker ps --format='{{.Ports}}'")
    killed_when(f"make a container of {IMAGE}", *INSTALL)
    resumed = opsbook(*INSTALL, "--yes", "--wait", "30")
    assert (resumed.code, "going on with the unfinished run" in resumed.err, status(ready)) == (0, True, REPLACED), resumed.text


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


@contextmanager
def seen_from_all_sides(lab: Lab) -> Iterator[Host]:
    """Yield the host with its peers, each over a real connection."""
    with ExitStack() as stack:
        host, scraper, stranger = (stack.enter_context(open_host(lab, name)) for name in (HOST, "serverF", "stranger"))
        yield replace(host, connect_peer={"scraper": scraper, "stranger": stranger}.__getitem__)


def false(host: Host, *only: str) -> dict[str, Seen]:
    """Return the checks that are not true, asked once; of these names where some are given."""
    checks: dict[str, Callable[..., Seen]] = {one.__name__: one for one in (*BOOK.proof, *BOOK.from_outside)}
    asked = {name: getattr(check, "__wrapped__", check) for name, check in checks.items() if not only or name in only}
    seen = {name: look_once(replace(host, _remembered={}), check, NoParams()) for name, check in asked.items()}
    return {name: one for name, one in seen.items() if not one.ok}
