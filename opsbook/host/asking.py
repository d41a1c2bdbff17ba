"""What is sent to a host and what comes back, as values: `Read` is a question, `Write` a change, `Result` what came back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from opsbook.shell import Command, Secret, cmd
from opsbook.web import Request

Answer_co = TypeVar("Answer_co", covariant=True)


@dataclass(frozen=True)
class Result:
    """What came back: exit code or HTTP status, standard output or body, standard error, seconds it took."""

    code: int
    out: str = ""
    err: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Read(Generic[Answer_co]):
    """A question and the parser of its answer; `answers` are the codes that count as one, `within` is in seconds."""

    ask: Command | Request
    parse: Callable[[Result], Answer_co]
    stdin: str | Secret | None = None
    answers: frozenset[int] | None = None
    within: float = 30


@dataclass(frozen=True)
class Upload:
    """A file of the operator's machine, to lie at an absolute path of the host, 0600. It counts only once a command has accepted it:
    a transfer cannot be fenced as a command is, so it goes to a name that nobody uses."""

    source: Path
    target: str

    def __str__(self) -> str:
        return f"sftp {self.source.name} to {self.target}"


@dataclass(frozen=True)
class Write:
    """A change; `within` is in seconds."""

    do: Command | Request | Upload
    title: str
    stdin: str | Secret | None = None
    answers: frozenset[int] | None = None
    within: float = 120
    about: str = ""     # what the operator is asked about, where this write only prepares it


CLOCK = Read(cmd("date", "+%s.%N"), lambda result: float(result.out))
