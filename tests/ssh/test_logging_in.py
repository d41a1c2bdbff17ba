from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.errors import AuthenticationFailed, Unreachable, UsageError
from opsbook.inventory import HostEntry
from opsbook.shell import cmd
from opsbook.ssh import Ssh
from tests.dialer import loopback_only
from tests.ssh.conftest import Connect
from tests.ssh.sshd import Sshd, free_port, make_key, public_key


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
    yield path
    process.send_signal(signal.SIGTERM)
    process.wait()


def add_to(agent: Path, key: Path) -> None:
    asking = {"SSH_ASKPASS": shutil.which("false") or "false", "SSH_ASKPASS_REQUIRE": "never"}
    subprocess.run(["ssh-add", "-q", key], check=True, env=os.environ | asking | {"SSH_AUTH_SOCK": str(agent)}, capture_output=True)


def authorize(server: Sshd, key: Path) -> None:
    with (server.folder / "authorized_keys").open("a") as file:
        file.write(Path(f"{key}.pub").read_text())


def keyless(server: Sshd, name: str = "web1") -> HostEntry:
    return HostEntry(name, "127.0.0.1", server.port)


def let_in(ssh: Ssh) -> bool:
    return ssh.run(cmd("true")).code == 0


def test_a_wrong_key_is_named_by_path_and_fingerprint_but_never_shown(server: Sshd, connect: Connect, tmp_path: Path) -> None:
    wrong = make_key(tmp_path / "wrong")
    with pytest.raises(AuthenticationFailed) as caught:
        connect(server, entry=server.entry(key=str(wrong))).open()
    assert str(wrong) in caught.value.saw
    assert public_key(wrong).fingerprint in caught.value.saw
    assert wrong.read_text().splitlines()[1] not in str(caught.value)


def test_the_key_may_come_as_text(server: Sshd, connect: Connect) -> None:
    assert let_in(connect(server, entry=server.entry(key=server.client_key.read_text())))


def test_the_key_as_text_may_have_lost_its_line_breaks_to_an_environment_variable(server: Sshd, connect: Connect) -> None:
    assert let_in(connect(server, entry=server.entry(key=server.client_key.read_text().replace("\n", "\\n"))))


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_keys_of_every_usual_type_are_understood(server: Sshd, connect: Connect, tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path / "key", kind)
    authorize(server, key)
    assert let_in(connect(server, entry=server.entry(key=str(key))))


def test_an_old_pem_key_is_understood(server: Sshd, connect: Connect, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", "rsa")
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", key], check=True, capture_output=True)
    assert "BEGIN RSA" in key.read_text()
    authorize(server, key)
    assert let_in(connect(server, entry=server.entry(key=str(key))))


def test_a_text_that_is_no_key_is_a_clear_mistake_and_is_not_shown(server: Sshd, connect: Connect) -> None:
    with pytest.raises(UsageError, match="not a private key") as caught:
        connect(server, entry=server.entry(key="-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END")).open()
    assert "c2VjcmV0" not in str(caught.value)


def test_a_key_file_that_is_missing_is_named(server: Sshd, connect: Connect) -> None:
    with pytest.raises(UsageError, match="/nowhere/key cannot be read"):
        connect(server, entry=server.entry(key="/nowhere/key")).open()


def test_a_key_under_a_passphrase_points_to_the_agent(server: Sshd, connect: Connect, tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", passphrase="sesame")
    with pytest.raises(AuthenticationFailed, match="passphrase") as caught:
        connect(server, entry=server.entry(key=str(key))).open()
    assert caught.value.next == f"ssh-add {key}"


def test_a_key_under_a_passphrase_is_used_when_the_agent_holds_it(
    server: Sshd, connect: Connect, tmp_path: Path, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path / "key")
    authorize(server, key)
    add_to(agent, key)
    add_to(agent, make_key(tmp_path / "another"))
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "sesame", "-f", key], check=True, capture_output=True)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    assert let_in(connect(server, entry=server.entry(key=str(key))))


def test_without_a_key_in_the_inventory_the_agent_serves(
    server: Sshd, connect: Connect, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_to(agent, server.client_key)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    assert let_in(connect(server, entry=keyless(server)))


def test_without_a_key_in_the_inventory_the_usual_files_serve(server: Sshd, connect: Connect, operator_home: Path) -> None:
    shutil.copy(server.client_key, operator_home / ".ssh" / "id_ed25519")
    assert let_in(connect(server, entry=keyless(server)))


def test_nobody_is_let_in_without_any_key_and_the_error_says_so(server: Sshd, connect: Connect) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        connect(server, entry=keyless(server)).open()
    assert "no key to offer" in caught.value.saw


def test_ssh_config_is_looked_up_by_the_name_of_the_inventory(server: Sshd, connect: Connect, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text(
        f"Host web1\n  HostName 127.0.0.1\n  Port {server.port}\n  IdentityFile {server.client_key}\nHost *\n  User nobody-else\n"
    )
    assert let_in(connect(server, entry=HostEntry("web1", user=server.entry().user)))


def test_the_inventory_wins_over_ssh_config(server: Sshd, connect: Connect, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text("Host web1\n  HostName 192.0.2.1\n  Port 1\n  User nobody\n  IdentityFile /nowhere\n")
    assert let_in(connect(server))


def test_ssh_config_may_include_other_files(server: Sshd, connect: Connect, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text("Include conf.d/*.conf\n")
    (operator_home / ".ssh" / "conf.d").mkdir()
    (operator_home / ".ssh" / "conf.d" / "web.conf").write_text(f"Host web1\n  HostName 127.0.0.1\n  Port {server.port}\n")
    assert let_in(connect(server, entry=HostEntry("web1", key=str(server.client_key))))


def test_the_agent_named_by_ssh_config_is_asked(server: Sshd, connect: Connect, operator_home: Path, agent: Path) -> None:
    add_to(agent, server.client_key)
    (operator_home / ".ssh" / "config").write_text(f"Host web1\n  IdentityAgent {agent}\n")
    assert let_in(connect(server, entry=keyless(server)))


def test_proxyjump_of_ssh_config_is_followed(server: Sshd, connect: Connect, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text(
        f"Host web1\n  ProxyJump bastion\n"
        f"Host bastion\n  HostName 127.0.0.1\n  Port {server.port}\nHost *\n  IdentityFile {server.client_key}\n"
    )
    ssh = connect(server)
    assert [hop.name for hop in ssh.hops()] == ["bastion", "web1"]
    assert let_in(ssh)


def test_proxyjump_in_a_circle_is_a_clear_mistake(server: Sshd, connect: Connect, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text("Host web1\n  ProxyJump a\nHost a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    with pytest.raises(UsageError, match="circle"):
        connect(server).open()


def test_proxycommand_is_refused_rather_than_bypassed(server: Sshd, connect: Connect, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text("Host web1\n  ProxyCommand nc %h %p\n")
    with pytest.raises(UsageError, match="ProxyCommand"):
        connect(server).open()


def test_a_dead_port_is_unreachable(connect: Connect, server: Sshd) -> None:
    port = free_port()
    with pytest.raises(Unreachable, match="nothing listens"):
        connect(server, entry=HostEntry("web1", "127.0.0.1", port)).open()


def test_a_port_that_accepts_and_says_nothing_is_given_up_in_time(connect: Connect, server: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="speaks no SSH"):
        entry = HostEntry("web1", "127.0.0.1", silent.getsockname()[1])
        connect(server, entry=entry, connect_within=0.5).open()


def test_connecttimeout_of_ssh_config_is_honoured(connect: Connect, server: Sshd, operator_home: Path) -> None:
    (operator_home / ".ssh" / "config").write_text("Host web1\n  ConnectTimeout 1\n")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="within 1 s"):
        connect(server, entry=HostEntry("web1", "127.0.0.1", silent.getsockname()[1]), connect_within=60).open()


def test_a_host_whose_address_is_a_missing_variable_is_told_so(connect: Connect, server: Sshd) -> None:
    with pytest.raises(UsageError) as caught:
        connect(server, entry=HostEntry("web1", missing=("WEB1_HOST",))).open()
    assert "WEB1_HOST" in caught.value.saw


def test_a_failed_connection_may_be_tried_again(server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    ssh = Ssh(server.entry(), known_hosts=(known,), dial=loopback_only)
    with pytest.raises(Unreachable):
        ssh.open()
    shutil.copy(server.known_hosts, known)
    assert let_in(ssh)
    ssh.close()


def test_paramikos_log_goes_to_the_debug_file_only(
    server: Sshd, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "state" / "ssh.log"
    ssh = Ssh(server.entry(), known_hosts=(server.known_hosts,), dial=loopback_only, log=log)
    ssh.open()
    server.cut()
    ssh.close()
    assert "Authentication" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert capfd.readouterr().err == ""


def test_the_agent_is_never_lent_to_the_host_even_where_ssh_config_would(
    server: Sshd, connect: Connect, operator_home: Path, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_to(agent, server.client_key)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    (operator_home / ".ssh" / "config").write_text("Host *\n  ForwardAgent yes\n")
    assert "SSH_AUTH_SOCK" not in connect(server).run(cmd("env")).out
