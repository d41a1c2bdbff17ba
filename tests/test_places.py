from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.cli.crash import CrashFile
from opsbook.cli.state import State
from opsbook.journal.file import open_file
from opsbook.places import private_folder
from opsbook.ssh.known_hosts import HostKey, append
from opsbook.ssh.log import LOGGER, log_to

KEY = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519")


@pytest.fixture
def careless() -> Iterator[None]:
    """An operator whose umask takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The mode of everything below the folder, by its path."""
    return {str(path.relative_to(folder)): f"{path.stat().st_mode & 0o777:o}" for path in folder.rglob("*")}


@pytest.mark.usefixtures("careless")
def test_a_folder_and_what_is_missing_above_it_are_private_whatever_the_umask(tmp_path: Path) -> None:
    private_folder(tmp_path / "a" / "b")
    private_folder(tmp_path / "a" / "b")
    assert modes(tmp_path) == {"a": "700", "a/b": "700"}


@pytest.mark.usefixtures("careless")
def test_journal_crash_file_log_and_known_hosts_are_their_owners_alone(tmp_path: Path) -> None:
    state = State({"HOME": str(tmp_path)}, tmp_path)
    with pytest.raises(SystemExit), CrashFile(state):
        raise KeyError("a bug")
    opsbook = tmp_path / ".local" / "state" / "opsbook"
    journal = open_file(opsbook / "journal.db")
    journal.execute(
        "INSERT INTO runs (id, runbook, params, hosts, operator, plan, started, ended, code) "
        "VALUES ('1', 'r', '{}', '[]', 'me', 0, 1, 1, 0)"
    )
    (opsbook / "ssh.log").touch(mode=0o666)
    log_to(opsbook / "ssh.log")
    append(tmp_path / ".config" / "opsbook" / "known_hosts", "web1", KEY)
    found = modes(tmp_path)
    journal.close()
    log_to(None)
    LOGGER.handlers.pop().close()
    assert {mode for path, mode in found.items() if (tmp_path / path).is_dir()} == {"700"}
    assert {path for path, mode in found.items() if mode not in {"600", "700"}} == set()
    assert {".config/opsbook/known_hosts", ".local/state/opsbook/ssh.log", ".local/state/opsbook/journal.db"} < set(found)
