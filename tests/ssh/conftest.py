"""Servers for the tests of SSH: none but these, on loopback, are ever reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opsbook.inventory import HostEntry
from opsbook.ssh import Ssh
from tests.dialer import loopback_only
from tests.ssh.sshd import Sshd

MakeServer = Callable[..., Sshd]
Connect = Callable[..., Ssh]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for everything that does not break it."""
    running = Sshd(tmp_path_factory.mktemp("sshd")).start()
    yield running
    running.stop()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers of the test's own, by their sshd_config lines."""
    made: list[Sshd] = []

    def make(*settings: str, key_type: str = "ed25519") -> Sshd:
        folder = tmp_path / f"sshd{len(made)}"
        folder.mkdir()
        made.append(Sshd(folder, settings, key_type).start())
        return made[-1]

    yield make
    for running in made:
        running.stop()


@pytest.fixture(autouse=True)
def operator_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator without ssh_config, keys, agent or known hosts of his own."""
    home = tmp_path / "operator"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes connections and closes them after the test."""
    made: list[Ssh] = []

    def to(server: Sshd, *, entry: HostEntry | None = None, gateway: HostEntry | None = None, files: tuple[Path, ...] = (),
           connect_within: float = 5) -> Ssh:  # fmt: skip
        known = files or (server.known_hosts,)
        made.append(Ssh(entry or server.entry(), known_hosts=known, gateway=gateway, dial=loopback_only, connect_within=connect_within))
        return made[-1]

    yield to
    for ssh in made:
        ssh.close()
