from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsbook.errors import CommandFailed, ConnectionLost
from opsbook.host import Upload
from opsbook.ssh import Ssh
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd

MEGABYTES = 5


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "release.tar.gz"
    made.write_bytes(os.urandom(MEGABYTES << 20))
    return made


@pytest.fixture
def ssh(make_server: MakeServer, connect: Connect) -> Ssh:
    return connect(make_server("Subsystem sftp internal-sftp"))


def test_a_file_arrives_as_it_is_and_is_its_owners_alone(ssh: Ssh, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "at the host; $(id)"
    assert ssh.send(Upload(file, str(target))).code == 0
    assert target.read_bytes() == file.read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_lay_there_is_replaced_whole(ssh: Ssh, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_bytes(b"x" * (6 << 20))
    ssh.send(Upload(file, str(target)))
    assert target.read_bytes() == file.read_bytes()


def test_a_place_that_cannot_be_written_is_said_and_the_connection_goes_on(ssh: Ssh, file: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"did not take release.tar.gz") as failed:
        ssh.send(Upload(file, str(tmp_path / "no such folder" / "there")))
    assert failed.value.saw != ""
    ssh.send(Upload(file, str(tmp_path / "there")))


def test_a_host_without_sftp_says_so(server: Sshd, connect: Connect, file: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="starts no sftp"):
        connect(server).send(Upload(file, str(tmp_path / "there")))


def test_no_time_is_no_transfer(ssh: Ssh, file: Path, tmp_path: Path) -> None:
    ssh.open()
    with pytest.raises(TimeoutError):
        ssh.send(Upload(file, str(tmp_path / "there")), within=0)


def test_over_a_closed_connection_nothing_is_sent(ssh: Ssh, file: Path, tmp_path: Path) -> None:
    ssh.open()
    ssh.close()
    with pytest.raises(ConnectionLost):
        ssh.send(Upload(file, str(tmp_path / "there")))
    assert not (tmp_path / "there").exists()
