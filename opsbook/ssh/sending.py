"""A file to the host, over SFTP on a channel of the connection that is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO

import paramiko

from opsbook.errors import CommandFailed
from opsbook.host import Result, Upload
from opsbook.ssh.session import begin_subsystem, is_alive, lost, release

MODE = 0o600
SILENCE = 30        # seconds without a word from the host


def send(transport: paramiko.Transport, upload: Upload, within: float) -> Result:
    """Copy the file; raise TimeoutError, ConnectionLost, or CommandFailed when the host does not take it."""
    begun = time.monotonic()
    with upload.source.open("rb") as file:
        channel = begin_subsystem(transport, "sftp", within)
        try:
            channel.settimeout(min(SILENCE, within))
            _copy(channel, file, upload, _limit(begun + within))
        except TimeoutError:
            raise
        except (paramiko.SSHException, EOFError, OSError) as error:
            if not is_alive(transport):
                raise lost() from None
            raise CommandFailed(f"the host did not take {upload.source.name}", saw=str(error) or type(error).__name__) from None
        finally:
            release(channel)
    return Result(0, seconds=time.monotonic() - begun)


def _copy(channel: paramiko.Channel, file: BinaryIO, upload: Upload, limit: Callable[[int, int], None]) -> None:
    """Copy and compare the size; the file is its owner's alone before anything is in it."""
    size = upload.source.stat().st_size
    client = paramiko.SFTPClient(channel)
    client.open(upload.target, "w").close()
    client.chmod(upload.target, MODE)
    client.putfo(file, upload.target, size, limit, confirm=True)


def _limit(deadline: float) -> Callable[[int, int], None]:
    def check(_done: int, _size: int) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError

    return check
