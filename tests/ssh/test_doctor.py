from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.doctor.visit import visit
from opsbook.doctor.way import Way, walk
from opsbook.findings.finding import Finding
from opsbook.inventory import HostEntry
from opsbook.mask import Mask
from opsbook.ssh import Ssh
from opsbook.ssh.known_hosts import append, name_of
from opsbook.web import Endpoint
from tests.dialer import loopback_only
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd, free_port, make_key, public_key


def walked(entry: HostEntry, known_hosts: Path) -> Way:
    ssh = Ssh(entry, known_hosts=(known_hosts,), dial=loopback_only, connect_within=1)
    try:
        return walk(ssh, loopback_only)
    finally:
        ssh.close()


def bad(findings: tuple[Finding, ...]) -> list[str]:
    return [one.what for one in findings if one.severity == "bad"]


def good(findings: tuple[Finding, ...]) -> str:
    return "\n".join(one.what for one in findings if one.severity == "ok")


def test_a_way_that_leads_there_tells_login_key_and_known_host(server: Sshd, connect: Connect) -> None:
    way = walk(connect(server), loopback_only)
    assert (way.open, bad(way.findings)) == (True, [])
    assert f"logged in as {server.entry().user} at 127.0.0.1:{server.port}" in good(way.findings)
    assert "a key is offered: " in good(way.findings)
    assert "its host key is known" in good(way.findings)


def test_an_unknown_host_key_is_the_only_trouble_and_trust_is_named(server: Sshd, tmp_path: Path) -> None:
    way = walked(server.entry(), tmp_path / "nothing")
    assert not way.open
    assert bad(way.findings) == [f"the host key of 127.0.0.1:{server.port} is not known yet"]
    assert way.findings[0].next.startswith("opsbook trust web1")
    assert f"sshd answers at 127.0.0.1:{server.port}" in good(way.findings)


def test_a_changed_host_key_is_compared_before_it_is_trusted_and_nothing_says_that_it_is_known(server: Sshd, tmp_path: Path) -> None:
    outdated = tmp_path / "outdated"
    append(outdated, name_of("127.0.0.1", server.port), public_key(make_key(tmp_path / "other")))
    way = walked(server.entry(), outdated)
    first, _, then = way.findings[0].next.partition(";")
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in first
    assert "opsbook trust web1 --replace" in then
    assert "host key is known" not in good(way.findings)


def test_a_key_that_is_not_let_in_gets_the_line_that_would_let_it_in(server: Sshd, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    way = walked(server.entry(key=str(stranger)), server.known_hosts)
    assert len(bad(way.findings)) == 1
    assert f"`ssh-keygen -yf {stranger}`" in way.findings[0].next
    assert way.findings[0].next.startswith("opsbook provision-host web1 --as root")      # where that user is not there yet


def test_a_port_where_nothing_listens_is_told_apart_from_a_name_that_does_not_resolve(server: Sshd) -> None:
    closed = walked(replace(server.entry(), port=free_port()), server.known_hosts)
    assert ["the port does not open" in one for one in bad(closed.findings)] == [False, True]
    assert "the name 127.0.0.1 resolves" in good(closed.findings)
    nowhere = Ssh(replace(server.entry(), address="no-such-host.invalid"), known_hosts=(server.known_hosts,))
    assert bad(walk(nowhere).findings)[1:] == ["the name no-such-host.invalid does not resolve"]


def test_a_port_that_opens_but_speaks_no_ssh_is_told_so(server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        way = walked(replace(server.entry(), port=silent.getsockname()[1]), server.known_hosts)
    assert "speaks no SSH" in bad(way.findings)[0]
    assert "the port opens" in good(way.findings)


def test_a_key_file_that_is_missing_or_that_others_may_read_is_named(server: Sshd, tmp_path: Path) -> None:
    missing = walked(server.entry(key=str(tmp_path / "none")), server.known_hosts)
    assert f"the key file {tmp_path}/none cannot be read" in bad(missing.findings)
    key = make_key(tmp_path / "wide")
    key.chmod(0o644)
    wide = [one for one in walked(server.entry(key=str(key)), server.known_hosts).findings if one.severity == "warn"]
    assert [(one.what, one.next) for one in wide] == [(f"others may read the key file {key}", f"chmod 600 {key}")]


def test_without_any_key_the_way_out_is_named(server: Sshd) -> None:
    way = walked(replace(server.entry(), key=None), server.known_hosts)
    assert "there is no key to offer" in bad(way.findings)
    assert any(one.what == "no ssh-agent is in use" for one in way.findings)


@pytest.mark.parametrize(("setting", "forwards"), [("AllowTcpForwarding yes", True), ("AllowTcpForwarding no", False)])
def test_forwarding_is_really_tried(make_server: MakeServer, connect: Connect, setting: str, *, forwards: bool) -> None:
    server = make_server(setting)
    assert connect(server).forwards(Endpoint(port=server.port)) is forwards


def test_a_host_is_visited_without_a_write_and_without_a_stack(server: Sshd, connect: Connect) -> None:
    found = tuple(visit(server.entry(), connect(server), Mask(), str))
    assert {"sshd forwards ports", "both clocks agree", "nobody holds the lock"} <= {one.what for one in found if one.severity == "ok"}
    assert not list(server.home.iterdir())
