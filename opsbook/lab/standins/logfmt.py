"""Log lines on standard error, as the real programs write them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

PLAIN = re.compile(r"[^\s\"=]+")


def pair(key: str, value: object) -> str:
    """Return KEY=VALUE, quoted where it must be."""
    text = str(value)
    return f"{key}={text}" if PLAIN.fullmatch(text) else f"{key}={json.dumps(text, ensure_ascii=False)}"


@dataclass(frozen=True)
class Log:
    """Writes for one program; `caller` is where the real ones name a source file."""

    caller: str

    def line(self, level: str, msg: str, more: Mapping[str, object] | None = None) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = {"ts": now, "caller": self.caller, "level": level, "msg": msg, **(more or {})}
        print(" ".join(pair(key, value) for key, value in fields.items() if value != ""), file=sys.stderr, flush=True)

    def confess(self) -> None:
        """Say first that this is not the real program."""
        self.line("warn", f"opsbook lab stand-in, not the real {self.caller}")
