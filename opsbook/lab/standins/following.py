"""Follow files: what is new since the position that was sent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .settings import lookup, texts
from .stages import Entry, Pipeline
from .yamlflow import YamlError
from .yamlsubset import parse


class Positions:
    """How far each file has been sent, kept in Promtail's own file so that a restart goes on from there."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.known = self._read()

    def of(self, file: str) -> int:
        return self.known.get(file, 0)

    def move(self, ends: Mapping[str, int]) -> None:
        """Remember new positions; forget files that are gone."""
        changed = {file: end for file, end in {**self.known, **ends}.items() if Path(file).exists()}
        if changed == self.known:
            return
        self.known = changed
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = "positions:\n" + "".join(f'  {json.dumps(file)}: "{end}"\n' for file, end in sorted(changed.items()))
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path)

    def _read(self) -> dict[str, int]:
        try:
            found = lookup(parse(self.path.read_text(encoding="utf-8")), "positions")
        except (OSError, YamlError):
            return {}
        return {file: int(end) for file, end in texts(found).items()}


@dataclass(frozen=True)
class Read:
    entries: Sequence[Entry]
    ends: Mapping[str, int]


@dataclass(frozen=True)
class Follower:
    """The files of one static configuration."""

    job: str
    pattern: str
    labels: Mapping[str, str]
    pipeline: Pipeline
    positions: Positions

    def paths(self) -> list[str]:
        return sorted(str(path) for path in Path("/").glob(self.pattern.lstrip("/")) if os.access(path, os.R_OK))

    def read(self, limit: int) -> Read:
        """Return at most LIMIT whole lines that are new, and where each file stands after them."""
        entries: list[Entry] = []
        ends: dict[str, int] = {}
        for path in self.paths():
            lines, ends[path] = _new_lines(path, self.positions.of(path), limit - len(entries))
            own = {**self.labels, "filename": path}
            entries += [self.pipeline.entry(line, own) for line in lines]
        return Read(entries, ends)


def _new_lines(path: str, start: int, limit: int) -> tuple[list[str], int]:
    """Return whole lines from START on, and the position behind them; a file that shrank is read from its begin."""
    if start > Path(path).stat().st_size:
        start = 0
    lines: list[str] = []
    with Path(path).open("rb") as file:
        file.seek(start)
        while len(lines) < limit and (raw := file.readline()).endswith(b"\n"):
            lines.append(raw[:-1].decode(errors="replace"))
            start += len(raw)
    return lines, start
