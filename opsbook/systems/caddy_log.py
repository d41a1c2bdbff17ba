"""What Caddy logs of its certificates: orders that succeeded, attempts that failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd, pipe
from opsbook.systems.docker import logs

MOST = 5000     # lines
DONE = ("certificate obtained successfully", "certificate renewed successfully")
ABOUT_TLS = '"logger":"tls'
NO_LINE = 1     # grep's exit code
TRIED = "challenge failed"
WIDEST = 300


@dataclass(frozen=True)
class Entry:
    """One line about certificates; `at` is in seconds since 1970."""

    at: float
    level: str
    text: str
    error: str = ""
    names: tuple[str, ...] = ()

    @property
    def issued(self) -> bool:
        """Return whether it tells of a new certificate."""
        return self.text in DONE

    def is_of(self, name: str) -> bool:
        """Return whether it is about that name."""
        return name in self.names or f"[{name}]" in self.error

    def __str__(self) -> str:
        return f"{self.text}: {self.error}"[:WIDEST] if self.error else self.text[:WIDEST]


def entries(container: str, since: float) -> Read[tuple[Entry, ...]]:
    """What Caddy has logged of its certificates since then, oldest first; a log that is no JSON tells nothing."""
    wanted = cmd("grep", "--text", "--fixed-strings", ABOUT_TLS)
    asked = pipe(logs(container, since=f"{since:.3f}"), wanted, cmd("tail", f"--lines={MOST}"))
    return Read(asked, parse_entries, answers=frozenset({0, NO_LINE}), within=60)


def parse_entries(result: Result) -> tuple[Entry, ...]:
    """Given JSON lines, return those that are Caddy's."""
    return tuple(_entries(result.out))


def _entries(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        try:
            raw = json.loads(line)
            at = float(raw["ts"])
        except (ValueError, KeyError, TypeError):
            continue
        names = raw.get("identifiers") or [raw.get("identifier") or ""]
        yield Entry(at, str(raw.get("level", "")), str(raw.get("msg", "")), str(raw.get("error", "")), tuple(map(str, names)))
