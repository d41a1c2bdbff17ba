"""The exporters' ports of real servers: open to the scraper, silent to a stranger, and never at the price of our own login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from opsbook.check import Seen, look_once
from opsbook.host import Host
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.lab.wait import until
from tests.lab.logins import host_with_logins
from tests.lab.opening import HOST, RUNBOOK, on, opened, undone, writes
from tests.lab.process import opsbook
from tests.lab.server_state import server_state
from tests.runbooks.checkout_site import book

DOCKER = "serverB"
WEB = "docker run --detach --restart always --name web --publish {}9095:8000 python:3.12-alpine python3 -m http.server 8000"
STRANGER = "stranger"
OPEN6 = "ip6tables --{} INPUT --protocol tcp --dport 9100 --jump ACCEPT"
NO_IPV6 = "net.ipv6.conf.eth0.disable_ipv6={}"


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


@contextmanager
def contained(lab: Lab, verdict: str) -> Iterator[None]:
    """Let the stranger's own firewall let nothing out; nothing is done where there is no verdict."""
    rule = f"OUTPUT --out-interface eth0 --protocol tcp --syn --jump {verdict}"
    if verdict:
        on(lab, STRANGER, f"iptables --insert {rule}; ip6tables --insert {rule}")
    yield
    if verdict:
        on(lab, STRANGER, f"iptables --delete {rule}; ip6tables --delete {rule}")


@contextmanager
def without_ipv6(lab: Lab, name: str) -> Iterator[None]:
    """Take a host's IPv6 away for a while."""
    before = on(lab, name, "ip -6 -brief address show dev eth0 scope global").split()[2]
    on(lab, name, f"sysctl --quiet --write {NO_IPV6.format(1)}")
    yield
    on(lab, name, f"sysctl --quiet --write {NO_IPV6.format(0)}; ip -6 address replace {before} dev eth0 nodad")


def strangers(host: Host) -> Seen:
    """Ask once what a stranger hears."""
    runbook = book(RUNBOOK)
    return look_once(host, next(one for one in runbook.from_outside if one.__name__ == "strangers_get_silence"), runbook.params())


def opens_no_more(lab: Lab) -> None:
    """Take what the inventory opens besides out of it."""
    known = yaml.safe_load(lab.inventory.read_text())
    del known["hosts"][DOCKER]["open"]
    lab.inventory.write_text(yaml.safe_dump(known, sort_keys=False))


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
    with host_with_logins(server, HOST) as host:
        assert red(host) == set()
        on(server, HOST, "ufw prepend deny 9100 >/dev/null")
        assert red(host) == {"only_these_may", "these_get_through"}
        on(server, HOST, "ufw delete deny 9100 >/dev/null; " + OPEN6.format("insert"))
        assert red(host) == {"strangers_get_silence"}
        on(server, HOST, OPEN6.format("delete") + "; ufw prepend reject 22 >/dev/null")
        assert red(host) == {"a_new_login_gets_in", "strangers_get_silence"}      # who does not hear sshd cannot tell, either
        on(server, HOST, "ufw delete reject 22 >/dev/null")


def test_the_silence_of_a_stranger_who_hears_nobody_proves_nothing(server: Lab) -> None:
    for verdict, code in (("DROP", 4), ("REJECT --reject-with tcp-reset", 4), ("", 0)):
        with contained(server, verdict):
            seen = opened()
            unheard = "stranger cannot reach this host at all: its silence proves nothing" in seen.text
            assert (seen.code, unheard) == (code, code == 4), (verdict, seen.text)
    with contained(server, "DROP"):
        refused = opsbook("--lab", "install-node-exporter", HOST, "--yes")
        assert (refused.code, "nobody can tell whether strangers are kept out" in refused.text) == (3, True), refused.text


def test_where_the_stranger_has_no_ipv6_the_hosts_own_rules_for_it_are_judged(server: Lab) -> None:
    assert opened().code == 0
    with host_with_logins(server, HOST) as host, without_ipv6(server, STRANGER):
        closed = strangers(host)
        assert closed.ok, closed
        assert "IPv6 was not seen from stranger" in closed.saw
        assert "no way to port 9100" in closed.saw
        on(server, HOST, OPEN6.format("insert"))
        opened_by_hand = strangers(host)
        assert (opened_by_hand.ok, "-j ACCEPT" in opened_by_hand.saw) == (False, True), opened_by_hand
        on(server, HOST, OPEN6.format("delete") + "; ufw allow proto tcp from 2000::/3 to any port 9100 >/dev/null")
        assert "allow 9100/tcp" in strangers(host).saw
    assert "a rule lets strangers in on port 9100" in opened().text


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
    opens_no_more(docker_host)
    shut = opened(host=DOCKER)
    assert (shut.code, "change: bar 9095" in shut.text) == (0, True), shut.text
    assert [reaches(docker_host, source, DOCKER, 9095) for source in (HOST, "stranger")] == [False, False]
    assert writes(opened(host=DOCKER)) == []
    back = undone(shut, DOCKER)
    assert back.code == 0, back.text
    assert [reaches(docker_host, source, DOCKER, 9095) for source in (HOST, "stranger")] == [True, False]
    back = undone(done, DOCKER)
    assert (back.code, reaches(docker_host, "stranger", DOCKER, 9095)) == (0, True), back.text
    assert "OPSBOOK" not in on(docker_host, DOCKER, "iptables-save | grep DOCKER-USER")
