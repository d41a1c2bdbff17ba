"""open-scrape-ports killed half-way, and on servers where something is wrong: it ends proven, or changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from tests.lab.opening import HOST, RUNBOOK, on, opened, undone, writes
from tests.lab.process import Terminal, run_and_kill
from tests.lab.reach import ssh
from tests.lab.server_state import server_state


@pytest.fixture
def server(servers: Lab) -> Iterator[Lab]:
    renew(servers, HOST)
    yield servers
    renew(servers, HOST)


def test_killed_at_any_prompt_a_rerun_ends_proven_and_its_undo_leads_back(server: Lab) -> None:
    before, prompt = server_state(server, HOST), 1
    while run_and_kill(("--lab", RUNBOOK, HOST, f"--confirm={HOST}"), prompt, {})[0]:
        again = opened("--wait", "40")
        assert again.code == 0, f"killed at prompt {prompt}\n{again.text}"
        back = undone(again)
        assert (back.code, server_state(server, HOST) == before) == (0, True), f"killed at prompt {prompt}\n{back.text}"
        prompt += 1
    assert prompt >= 3


def test_killed_before_it_could_confirm_a_rerun_takes_that_back_first_and_ends_proven(server: Lab) -> None:
    running = Terminal(("--lab", RUNBOOK, HOST, f"--confirm={HOST}", "--step")).start()
    assert running.prompt()
    running.answer("y")
    assert running.prompt()
    on(server, HOST, "touch /etc/nologin")      # from here on nobody but root logs in
    running.answer("y")
    assert running.until(lambda new: "no new login gets in" in new)
    running.kill()
    running.end()
    on(server, HOST, "rm /etc/nologin")
    again = opened("--wait", "40")
    assert (again.code, writes(again)[0]) == (0, "put back the settings that nobody has confirmed"), again.text
    assert "node-exporter-for-serverF" in on(server, HOST, "ufw show added")


def test_a_firewall_that_is_off_is_turned_on_only_when_told_and_off_again_by_the_undo(server: Lab) -> None:
    breaking.break_(server, "ufw-inactive")
    on(server, HOST, "ufw delete allow 22/tcp >/dev/null")
    before = server_state(server, HOST)
    refused = opened()
    assert (refused.code, f"open-scrape-ports --enable {HOST}" in refused.text) == (3, True), refused.text
    assert server_state(server, HOST) == before
    done = opened("--enable")
    assert (done.code, ssh(server, HOST, "true").returncode) == (0, 0), done.text
    back = undone(done)
    assert (back.code, "Status: inactive" in on(server, HOST, "ufw status; ufw show added")) == (0, True), back.text
    assert "opsbook:" not in on(server, HOST, "ufw show added")


def test_a_denial_that_stands_first_is_overtaken_and_sshds_socket_is_known(server: Lab) -> None:
    breaking.break_(server, "ufw-order")
    breaking.break_(server, "ssh-socket", HOST)
    done = opened()
    assert done.code == 0, done.text
    assert on(server, HOST, "ufw status numbered | grep '\\[ 1\\]'").split()[2:4] == ["9100/tcp", "ALLOW"]


def test_a_rule_of_ours_that_was_moved_before_a_denial_stands_behind_it_again_after_the_undo(server: Lab) -> None:
    assert opened().code == 0
    on(server, HOST, "ufw allow proto tcp from fd00::99 to any port 9101 >/dev/null")     # IPv6 has an order of its own
    breaking.break_(server, "ufw-order")
    before = on(server, HOST, "ufw status numbered")
    done = opened()
    assert (done.code, "meets first: deny 9100/tcp" in done.text) == (0, True), done.text
    assert on(server, HOST, "ufw status numbered") != before
    back = undone(done)
    assert (back.code, on(server, HOST, "ufw status numbered")) == (0, before), back.text


def test_without_rights_nothing_is_begun(server: Lab) -> None:
    breaking.break_(server, "no-sudo")
    refused = opened()
    assert (refused.code, "provision-host" in refused.text) == (3, True), refused.text
