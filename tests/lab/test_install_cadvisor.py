from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from tests.lab.measured import BY_HAND, HOST, IMAGE, INSTALL, OPEN, PROMPTS, REPLACED, on_host, status
from tests.lab.process import Ran, opsbook
from tests.lab.server_state import server_state
from tests.lab.stack_runs import killed_at_every_prompt, killed_when


def changes(ran: Ran) -> list[str]:
    """Return what the journal says was changed."""
    run = json.loads(ran.out)["run"]
    return [event["title"] for event in json.loads(opsbook("history", "show", run, "--json").out)["events"] if event["kind"] == "write"]


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
    assert "open-scrape-ports --enable serverB" in unguarded.err, unguarded.text
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
