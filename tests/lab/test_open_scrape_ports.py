"""The exporters' ports of real servers: open to the scraper, silent to a stranger, and never at the price of our own login."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from opsbook.check import look_once
from opsbook.host import Host
from opsbook.lab import breaking
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.lab.wait import until
from tests.lab.logins import host_with_logins
from tests.lab.process import Ran, Terminal, opsbook, run_and_kill
from tests.lab.reach import ssh
from tests.lab.server_state import server_state
from tests.runbooks.checkout_site import book

HOST, DOCKER = "serverA", "serverB"
RUNBOOK = "open-scrape-ports"
WEB = "docker run --detach --restart always --name web --publish {}9095:8000 python:3.12-alpine python3 -m http.server 8000"
# the lab's network has none of its own
IPV6 = "sysctl --quiet --write net.ipv6.conf.eth0.disable_ipv6=0; ip -6 address replace fd77:77::{}/64 dev eth0 nodad"


@pytest.fixture
def server(servers: Lab) -> Iterator[Lab]:
    renew(servers, HOST)
    yield servers
    renew(servers, HOST)


@pytest.fixture
def docker_host(servers: Lab) -> Iterator[Lab]:
    """A Docker host whose inventory opens a container's port to serverA."""
    renew(servers, DOCKER)
    text = servers.inventory.read_text()
    known = yaml.safe_load(text)
    known["hosts"][DOCKER]["open"] = {HOST: {"ports": [9095]}}
    servers.inventory.write_text(yaml.safe_dump(known, sort_keys=False))
    yield servers
    servers.inventory.write_text(text)
    renew(servers, DOCKER)


def opened(*words: str, host: str = HOST) -> Ran:
    return opsbook("--lab", RUNBOOK, host, f"--confirm={host}", *words, "--json")


def run_id(done: Ran) -> str:
    found: str = json.loads(done.out)["run"]
    return found


def undone(done: Ran, host: str = HOST) -> Ran:
    return opsbook("--lab", "undo", run_id(done), host, f"--confirm={host}")


def writes(done: Ran) -> list[str]:
    """Return the changes that the journal has of the run."""
    events = json.loads(opsbook("history", "show", run_id(done), "--json").out)["events"]
    return [event["title"] for event in events if event["kind"] == "write"]


def on(lab: Lab, host: str, text: str) -> str:
    return script(lab.container(host), text)


def reaches(lab: Lab, source: str, host: str, port: int) -> bool:
    """Whether a connection is answered, beside opsbook; a refusal is none."""
    address = yaml.safe_load(lab.inventory.read_text())["hosts"][host]["peer_address"]
    return on(lab, source, f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/{port}' 2>/dev/null && echo yes || true").strip() == "yes"


def red(host: Host) -> set[str]:
    """Ask every sentence of the proof once; return the names of those that are not true."""
    runbook = book(RUNBOOK)
    return {check.__name__ for check in (*runbook.proof, *runbook.from_outside) if not look_once(host, check, runbook.params()).ok}


def test_a_port_is_opened_once_and_an_undo_leaves_no_trace(server: Lab) -> None:
    before = server_state(server, HOST)
    plan = opsbook("--lab", RUNBOOK, HOST, "--plan")
    assert (plan.code, "change: allow 9100" in plan.text, server_state(server, HOST) == before) == (0, True, True), plan.text
    done = opened()
    assert (done.code, "changed, and proven" in done.out) == (0, True), done.text
    assert "9100/tcp                   ALLOW IN" in on(server, HOST, "ufw status verbose")
    again = opened()
    assert (again.code, writes(again)) == (0, []), again.text
    back = undone(done)
    assert (back.code, server_state(server, HOST) == before) == (0, True), back.text


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing(server: Lab) -> None:
    assert opened().code == 0
    for name, byte in ((HOST, 12), ("stranger", 17)):
        on(server, name, IPV6.format(byte))
    with host_with_logins(server, HOST) as host:
        assert red(host) == set()
        on(server, HOST, "ufw prepend deny 9100 >/dev/null")
        assert red(host) == {"only_these_may", "these_get_through"}
        on(server, HOST, "ufw delete deny 9100 >/dev/null; ip6tables --insert INPUT --protocol tcp --dport 9100 --jump ACCEPT")
        assert red(host) == {"strangers_get_silence"}
        on(server, HOST, "ip6tables --delete INPUT --protocol tcp --dport 9100 --jump ACCEPT; ufw prepend reject 22 >/dev/null")
        assert red(host) == {"a_new_login_gets_in"}
        on(server, HOST, "ufw delete reject 22 >/dev/null; ip -6 address delete fd77:77::12/64 dev eth0")


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


def test_without_rights_nothing_is_begun(server: Lab) -> None:
    breaking.break_(server, "no-sudo")
    refused = opened()
    assert (refused.code, "provision-host" in refused.text) == (3, True), refused.text


def test_a_published_port_is_open_to_its_host_alone_and_a_loopback_one_is_refused(docker_host: Lab) -> None:
    on(docker_host, DOCKER, WEB.format("127.0.0.1:"))
    refused = opened(host=DOCKER)
    assert (refused.code, "no firewall rule can open port 9095" in refused.text) == (3, True), refused.text
    on(docker_host, DOCKER, f"docker rm --force web; {WEB.format('')}")
    until("the container answers", lambda: reaches(docker_host, "stranger", DOCKER, 9095), within=30)
    done = opened(host=DOCKER)
    assert done.code == 0, done.text
    assert [reaches(docker_host, source, DOCKER, 9095) for source in (HOST, "stranger", "serverF")] == [True, False, False]
    on(docker_host, DOCKER, "systemctl restart docker.service")
    until("the container answers again", lambda: reaches(docker_host, HOST, DOCKER, 9095), within=60)
    assert not reaches(docker_host, "stranger", DOCKER, 9095)
    back = undone(done, DOCKER)
    assert (back.code, reaches(docker_host, "stranger", DOCKER, 9095)) == (0, True), back.text
    assert "OPSBOOK" not in on(docker_host, DOCKER, "iptables-save | grep DOCKER-USER")
