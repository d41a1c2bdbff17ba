"""The short lines that a run leaves in the host's own log, so that a colleague's runs are seen."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from opsbook.host import Read, Result
from opsbook.shell import cmd

Phase = Literal["start", "end", "lost"]
LINE = re.compile(r"(?P<phase>start|end) (?P<run>\S+) (?P<runbook>\S+) by (?P<operator>.+?)(?: code (?P<code>\d+))?")
LOST = re.compile(r"lost (?P<run>\S+) (?P<text>.*)")


@dataclass(frozen=True)
class Note:
    """One line: a run started, ended, or was lost with its operator."""

    phase: Phase
    run: str
    runbook: str
    operator: str           # user@machine
    code: int | None = None
    at: float = 0.0         # seconds since 1970 by the host's clock

    def text(self) -> str:
        """Return the line as it is logged."""
        end = f" code {self.code}" if self.code is not None else ""
        return f"{self.phase} {self.run} {self.runbook} by {self.operator}{end}"


def notes(limit: int) -> Read[list[Note]]:
    """Return the question for the newest lines in the host's log, oldest first."""
    asked = cmd("journalctl", "--identifier=opsbook", "--output=json", "--no-pager", f"--lines={limit}")
    return Read(asked, parse_notes)


def parse_notes(result: Result) -> list[Note]:
    """Given journalctl's JSON lines, return our own; other lines under our name are left out."""
    found = [_parse(json.loads(line)) for line in result.out.splitlines() if line.strip()]
    return [note for note in found if note is not None]


def _parse(entry: dict[str, object]) -> Note | None:
    text, at = str(entry.get("MESSAGE", "")), int(str(entry.get("__REALTIME_TIMESTAMP", 0))) / 1e6
    if line := LINE.fullmatch(text):
        phase: Phase = "start" if line["phase"] == "start" else "end"
        code = int(line["code"]) if line["code"] else None
        return Note(phase, line["run"], line["runbook"], line["operator"], code, at)
    if line := LOST.fullmatch(text):
        return Note("lost", line["run"], "", line["text"], None, at)
    return None
