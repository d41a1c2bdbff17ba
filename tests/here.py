"""This machine as a host: questions and changes really run, without SSH."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from opsbook.host import Read, Result, Write
from opsbook.shell import Command, Secret
from opsbook.web import Endpoint, Request

T = TypeVar("T")


@dataclass
class Here:
    """A transport to this very machine."""

    env: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        self.asked.append(str(command))
        done = subprocess.run(
            ["bash", "-c", command.line()],
            input=(stdin or "").encode(errors="surrogateescape"),
            capture_output=True,
            timeout=within,
            check=False,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **self.env},
        )
        out, err = (stream.decode(errors="surrogateescape") for stream in (done.stdout, done.stderr))
        return Result(done.returncode, out, err)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        raise AssertionError(f"no requests here: {request}")

    def follow(self, command: Command) -> Iterator[str]:
        yield from self.run(command, None, 30).out.splitlines()

    def close(self) -> None:
        """Nothing is open."""


def ask(question: Read[T]) -> T:
    """Ask this machine; fail on a code that is no answer."""
    assert isinstance(question.ask, Command)
    result = Here().run(question.ask, _plain(question.stdin), question.within)
    assert result.code in (question.answers or {0}), result
    return question.parse(result)


def do(change: Write) -> Result:
    """Make the change on this machine; fail when it failed."""
    result = attempt(change)
    assert result.code in (change.answers or {0}), result
    return result


def attempt(change: Write) -> Result:
    """Make the change on this machine, whatever comes of it."""
    assert isinstance(change.do, Command)
    return Here().run(change.do, _plain(change.stdin), change.within)


def _plain(text: str | Secret | None) -> str | None:
    return text.value if isinstance(text, Secret) else text
