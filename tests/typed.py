"""`opsbook …` as typed, inside the test's own process, on the site of tests/site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from opsbook.cli.main import run
from opsbook.cli.state import State

SITE = Path(__file__).parent / "site"


@dataclass(frozen=True)
class Typed:
    """What one command line gave."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Terminal:
    """A place to type: its working directory, its environment."""

    captured: pytest.CaptureFixture[str]
    environment: dict[str, str]
    cwd: Path = SITE

    def type(self, *words: str) -> Typed:
        """Run `opsbook WORDS`."""
        code = run(list(words), State(self.environment, self.cwd))
        said = self.captured.readouterr()
        return Typed(code, said.out, said.err)
