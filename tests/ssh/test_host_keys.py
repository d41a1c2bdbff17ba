from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from opsbook.cli.main import run
from opsbook.errors import HostKeyChanged, HostKeyUnknown, Unreachable
from opsbook.shell import cmd
from opsbook.ssh.known_hosts import append, name_of
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd, make_key, public_key
from tests.ssh.test_history_and_unlock import state_for
from tests.until import until


def nothing_known(tmp_path: Path) -> Path:
    return tmp_path / "nothing_known"


def logins(server: Sshd) -> int:
    """Count what the server says of attempts to log in, once the last connection is closed."""
    assert until(lambda: "Connection closed by" in server.log.read_text() or "Connection reset by" in server.log.read_text())
    return len(re.findall(r"publickey| user ", server.log.read_text()))


def test_an_unknown_key_is_refused_with_its_fingerprint_and_the_command_that_trusts_it(
    server: Sshd, connect: Connect, tmp_path: Path
) -> None:
    with pytest.raises(HostKeyUnknown) as caught:
        connect(server, files=(nothing_known(tmp_path),)).open()
    listed = subprocess.run(["ssh-keygen", "-lf", server.folder / "host.pub"], check=True, capture_output=True, text=True).stdout
    assert caught.value.saw.split()[1] == listed.split()[1]
    assert caught.value.next.startswith("opsbook trust web1")
    assert caught.value.host == "web1"


def test_nobody_tries_to_log_in_to_a_host_with_an_unknown_key(make_server: MakeServer, connect: Connect, tmp_path: Path) -> None:
    server = make_server()
    with pytest.raises(HostKeyUnknown):
        connect(server, files=(nothing_known(tmp_path),)).open()
    assert logins(server) == 0
    connect(server).open()
    assert logins(server) > 0


def test_a_changed_key_is_refused_louder_with_both_fingerprints(make_server: MakeServer, connect: Connect, tmp_path: Path) -> None:
    server = make_server()
    other = make_key(tmp_path / "other")
    append(tmp_path / "outdated", name_of("127.0.0.1", server.port), public_key(other))
    with pytest.raises(HostKeyChanged) as caught:
        connect(server, files=(tmp_path / "outdated",)).open()
    assert "CHANGED" in caught.value.what
    assert server.host_key.fingerprint in caught.value.saw
    assert public_key(other).fingerprint in caught.value.saw
    assert "--replace" in caught.value.next
    assert logins(server) == 0


def test_a_key_of_another_type_than_the_known_one_is_a_changed_key(make_server: MakeServer, connect: Connect, tmp_path: Path) -> None:
    server = make_server()
    append(tmp_path / "outdated", name_of("127.0.0.1", server.port), public_key(make_key(tmp_path / "other", "ecdsa")))
    with pytest.raises(HostKeyChanged):
        connect(server, files=(tmp_path / "outdated",)).open()


def test_a_host_with_several_keys_shows_the_one_that_is_known(make_server: MakeServer, connect: Connect, tmp_path: Path) -> None:
    rsa = make_key(tmp_path / "rsa", "rsa")
    server = make_server(f"HostKey {rsa}")
    append(tmp_path / "known", name_of("127.0.0.1", server.port), public_key(rsa))
    assert connect(server, files=(tmp_path / "known",)).run(cmd("true")).code == 0


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_host_keys_of_every_usual_type_are_understood(make_server: MakeServer, connect: Connect, kind: str) -> None:
    assert connect(make_server(key_type=kind)).run(cmd("true")).code == 0


def test_the_users_own_known_hosts_counts_and_may_be_hashed(
    server: Sshd, connect: Connect, operator_home: Path, tmp_path: Path
) -> None:
    file = operator_home / ".ssh" / "known_hosts"
    append(file, name_of("127.0.0.1", server.port), server.host_key)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "|1|" in file.read_text()
    assert connect(server, files=(nothing_known(tmp_path),)).run(cmd("true")).code == 0


def test_a_revoked_key_is_refused_even_where_another_file_knows_it(server: Sshd, connect: Connect, tmp_path: Path) -> None:
    revoked = tmp_path / "revoked"
    revoked.write_text("@revoked " + server.known_hosts.read_text())
    with pytest.raises(HostKeyChanged):
        connect(server, files=(server.known_hosts, revoked)).open()


def test_an_unknown_key_is_refused_on_a_jump_host_too(server: Sshd, make_server: MakeServer, connect: Connect) -> None:
    behind = make_server()
    gateway = server.entry("bastion")
    with pytest.raises(HostKeyUnknown) as caught:
        connect(behind, gateway=gateway).open()
    assert caught.value.host == "bastion"
    assert caught.value.next.startswith("opsbook trust web1")


def test_a_changed_key_is_refused_behind_a_jump_host(server: Sshd, make_server: MakeServer, connect: Connect, tmp_path: Path) -> None:
    behind = make_server()
    append(tmp_path / "outdated", name_of("127.0.0.1", behind.port), public_key(make_key(tmp_path / "other")))
    with pytest.raises(HostKeyChanged) as caught:
        connect(behind, gateway=server.entry("bastion"), files=(server.known_hosts, tmp_path / "outdated")).open()
    assert caught.value.host == "web1"


def test_a_command_runs_behind_a_jump_host(server: Sshd, make_server: MakeServer, connect: Connect) -> None:
    behind = make_server()
    ssh = connect(behind, gateway=server.entry("bastion"), files=(server.known_hosts, behind.known_hosts))
    assert ssh.run(cmd("printenv", "HOME")).out.strip() == str(behind.home)


def test_a_jump_host_that_forwards_nothing_is_named_as_the_reason(make_server: MakeServer, connect: Connect) -> None:
    gateway, behind = make_server("AllowTcpForwarding no"), make_server()
    with pytest.raises(Unreachable, match="jump host does not lead") as caught:
        connect(behind, gateway=gateway.entry("bastion"), files=(gateway.known_hosts, behind.known_hosts)).open()
    assert "AllowTcpForwarding" in caught.value.saw


@pytest.mark.parametrize("runbook", ["audit-security", "triage", "provision-host"])
def test_a_run_ends_where_the_key_has_changed_and_says_nothing_else_of_the_host(
    runbook: str, make_server: MakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = make_server()
    state = state_for(server, tmp_path)
    other = public_key(make_key(tmp_path / "other"))
    (tmp_path / "opsbook/known_hosts").unlink()
    append(tmp_path / "opsbook/known_hosts", name_of("127.0.0.1", server.port), other)
    assert run([runbook, "web1"], state) == 8
    said = capsys.readouterr()
    told = " ".join(said.err.split())
    assert said.out == ""
    assert "CHANGED" in told
    assert (server.host_key.fingerprint in told, other.fingerprint in told) == (True, True)
    assert "--as root" not in told
    assert logins(server) == 0
