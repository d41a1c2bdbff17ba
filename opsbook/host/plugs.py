"""What is plugged into a host: the way to it, and what stands before its writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opsbook.host.asking import Result, Upload, Write
from opsbook.shell import Command, Secret
from opsbook.web import Endpoint, Request

SOURCES = {"prompt": "the terminal", "-": "standard input", "generate": "a generator"}     # any other is the path of a file


@dataclass(frozen=True)
class Door:
    """What sshd has for a login: the methods that it offers whoever has shown nothing yet, and whether our keys open it."""

    methods: tuple[str, ...]
    opens: bool


@dataclass(frozen=True)
class Fetched:
    """A file that the operator's machine has fetched, its SHA-256, which was true of it, and what to say about it."""

    path: Path
    sha256: str
    note: str = ""


class Transport(Protocol):
    """The one way to a host: SSH, or a fake that was taught its answers."""

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        """Run the command; raise ConnectionLost when no exit code came, TimeoutError after `within` seconds."""

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        """Send the request from the host; a refused port raises ConnectionRefusedError."""

    def send(self, upload: Upload, within: float) -> Result:
        """Copy the file to the host; raise TimeoutError, ConnectionLost, or CommandFailed when the host takes no files."""

    def follow(self, command: Command) -> Iterator[str]:
        """Yield the command's lines as they come; closing the iterator ends the command on the host."""

    def close(self) -> None:
        """Close the connection."""


class Guard(Protocol):
    """What stands between a run and its writes: lock, confirmation, record. Supplied by the runner."""

    def writing(self, change: Write) -> AbstractContextManager[None]:
        """Enter when the change may be sent; raise Declined, Refused, ConnectionLost or Interrupted when not."""

    def wrap(self, command: Command, within: float) -> Command:
        """Return the command as it must run on the host: under the write lock and a time limit."""

    def stopped(self) -> None:
        """Raise Interrupted when the operator has pressed Ctrl-C."""


class Hands(Protocol):
    """How a secret comes from the operator to the run, and back: past screen, journal and arguments."""

    def obtain(self, what: str, source: str) -> Secret:
        """Return the secret from `prompt`, `-`, `generate` or a file; raise Refused when it cannot be had there."""

    def may_hand_over(self, what: str, to: str, secret: Secret | None) -> None:
        """Return when `terminal`, a file or `!COMMAND` can take it; a file may be there if it has this very secret. Raise Refused else."""

    def hand_over(self, what: str, secret: Secret, to: str) -> None:
        """Hand it over; raise Refused or CommandFailed when that failed."""
