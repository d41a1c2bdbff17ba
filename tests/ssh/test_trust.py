from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from opsbook.cli.ceremony import Ceremony
from opsbook.errors import Declined, HostKeyChanged, HostKeyUnknown, Refused
from opsbook.inventory import HostEntry
from opsbook.ssh import Ssh
from opsbook.ssh.known_hosts import append, lookup, name_of
from tests.dialer import loopback_only
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd, make_key, public_key
from tests.typed import Terminal, Typed


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Opsbook's own file; nothing is in it yet."""
    return tmp_path / "config" / "opsbook" / "known_hosts"


def outdated(own: Path, server: Sshd, tmp_path: Path) -> str:
    """Put another key of the server into the file and return its fingerprint."""
    other = public_key(make_key(tmp_path / "other"))
    append(own, name_of("127.0.0.1", server.port), other)
    return other.fingerprint


def meet(server: Sshd, ceremony: Ceremony, *gateways: HostEntry) -> None:
    Ssh(server.entry(), known_hosts=(ceremony.own,), gateway=gateways, dial=loopback_only, settle=ceremony.settle).greet()


class Answers:
    """An operator at a terminal, with his answers prepared."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


def test_a_key_that_the_operator_has_compared_is_known_from_then_on(server: Sshd, own: Path, connect: Connect) -> None:
    with pytest.raises(HostKeyUnknown):
        connect(server, files=(own,)).open()
    operator = Answers("y")
    meet(server, Ceremony("web1", own, line=operator))
    assert server.host_key.fingerprint in operator.asked[0]
    connect(server, files=(own,)).open()


def test_a_no_leaves_the_key_unknown(server: Sshd, own: Path) -> None:
    with pytest.raises(Declined):
        meet(server, Ceremony("web1", own, line=Answers("")))
    assert not own.exists()


def test_nobody_is_asked_about_a_key_that_is_known(server: Sshd, own: Path) -> None:
    append(own, name_of("127.0.0.1", server.port), server.host_key)
    ceremony = Ceremony("web1", own)
    meet(server, ceremony)
    assert ceremony.trusted == []


def test_nobody_logs_in_to_a_host_that_is_being_met(make_server: MakeServer, own: Path) -> None:
    server = make_server()
    (server.folder / "authorized_keys").write_text("")
    meet(server, Ceremony("web1", own, (server.host_key.fingerprint,)))
    assert lookup([own], name_of("127.0.0.1", server.port))


def test_every_unknown_jump_host_on_the_way_is_met_first(server: Sshd, make_server: MakeServer, own: Path) -> None:
    behind = make_server()
    operator = Answers("y", "y")
    ceremony = Ceremony("web1", own, line=operator)
    meet(behind, ceremony, server.entry("bastion"))
    assert [(key.host, key.key) for key in ceremony.trusted] == [("bastion", server.host_key), ("web1", behind.host_key)]


def test_a_changed_key_is_refused_unless_replacing_was_asked_for(make_server: MakeServer, own: Path, tmp_path: Path) -> None:
    server = make_server()
    old = outdated(own, server, tmp_path)
    with pytest.raises(HostKeyChanged) as caught:
        meet(server, Ceremony("web1", own, (server.host_key.fingerprint,)))
    assert old in caught.value.saw
    assert server.host_key.fingerprint in caught.value.saw
    assert "--replace" in caught.value.next


def test_a_changed_key_is_replaced_by_somebody_who_types_the_hosts_name(make_server: MakeServer, own: Path, tmp_path: Path) -> None:
    server = make_server()
    old = outdated(own, server, tmp_path)
    operator = Answers("web1", "y")
    meet(server, Ceremony("web1", own, replace=True, line=operator))
    assert old in operator.asked[0]
    assert [known.key for known in lookup([own], name_of("127.0.0.1", server.port))] == [server.host_key]


@pytest.mark.parametrize("answers", [("web2",), ("y",), ("web1", "n")])
def test_any_other_answer_replaces_nothing(make_server: MakeServer, own: Path, tmp_path: Path, answers: tuple[str, ...]) -> None:
    server = make_server()
    outdated(own, server, tmp_path)
    before = own.read_text()
    with pytest.raises(Declined):
        meet(server, Ceremony("web1", own, replace=True, line=Answers(*answers)))
    assert own.read_text() == before


def test_without_a_terminal_replacing_needs_the_hosts_name_as_well(make_server: MakeServer, own: Path, tmp_path: Path) -> None:
    server = make_server()
    outdated(own, server, tmp_path)
    right = (server.host_key.fingerprint,)
    with pytest.raises(Refused) as caught:
        meet(server, Ceremony("web1", own, right, replace=True))
    assert caught.value.next == "--confirm=web1"
    meet(server, Ceremony("web1", own, right, replace=True, confirm=("web1",)))
    assert [known.key for known in lookup([own], name_of("127.0.0.1", server.port))] == [server.host_key]


def test_an_old_key_in_the_users_own_file_is_his_to_remove_and_the_command_does_it(
    make_server: MakeServer, own: Path, tmp_path: Path, operator_home: Path
) -> None:
    server = make_server()
    outdated(operator_home / ".ssh" / "known_hosts", server, tmp_path)
    ceremony = Ceremony("web1", own, (server.host_key.fingerprint,), replace=True, confirm=("web1",))
    with pytest.raises(HostKeyChanged) as caught:
        meet(server, ceremony)
    subprocess.run(caught.value.next, shell=True, check=True, capture_output=True)  # noqa: S602 - it is made to be pasted
    meet(server, ceremony)
    assert [key.key for key in ceremony.trusted] == [server.host_key]


@pytest.fixture
def terminal(server: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A place without a terminal, and an inventory with the server in it."""
    (tmp_path / "inventory.yaml").write_text(json.dumps({"hosts": {"web1": {"address": "127.0.0.1", "port": server.port}}}))
    return Terminal(capsys, {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}, tmp_path)


def test_without_a_terminal_the_fingerprint_has_to_be_given(terminal: Terminal, server: Sshd, own: Path) -> None:
    typed = terminal.type("trust", "web1")
    assert typed.code == 3
    assert server.host_key.fingerprint in typed.err
    assert "--fingerprint" in typed.err
    assert not own.exists()


def test_a_given_fingerprint_that_is_right_is_enough(terminal: Terminal, server: Sshd, own: Path) -> None:
    typed = terminal.type("trust", "web1", "--fingerprint", server.host_key.fingerprint)
    assert (typed.code, typed.err) == (0, "")
    assert server.host_key.fingerprint in typed.out
    assert own.stat().st_mode & 0o777 == 0o600
    assert "known already" in terminal.type("trust", "web1").out


def test_a_given_fingerprint_that_is_wrong_is_refused_before_and_after(terminal: Terminal, server: Sshd, own: Path) -> None:
    wrong = "SHA256:" + 43 * "A"
    assert terminal.type("trust", "web1", "--fingerprint", wrong).code == 3
    assert not own.exists()
    terminal.type("trust", "web1", "--fingerprint", server.host_key.fingerprint)
    assert terminal.type("trust", "web1", "--fingerprint", wrong).code == 3


def test_trust_answers_in_json(terminal: Terminal, server: Sshd, own: Path) -> None:
    typed: Typed = terminal.type("trust", "web1", "--json", "--fingerprint", server.host_key.fingerprint)
    (new,) = json.loads(typed.out)["trusted"]
    assert (new["host"], new["type"], new["fingerprint"]) == ("web1", "ssh-ed25519", server.host_key.fingerprint)
    assert new["file"] == str(own)
