"""Promtail's pipeline: the stages that Docker's log files need."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .settings import lookup, rows, texts
from .yamlflow import Value

DOCKER = {"output": "log", "stream": "stream", "time": "time"}


@dataclass(frozen=True)
class Entry:
    labels: Mapping[str, str]
    at: int
    line: str


@dataclass(frozen=True)
class Pipeline:
    """Values taken out of a JSON line, and which of them become labels, time and text."""

    expressions: Mapping[str, str]
    labels: Mapping[str, str]
    timestamp: str
    output: str

    @classmethod
    def of(cls, stages: Value) -> Pipeline:
        """Given `pipeline_stages`, return the pipeline. Raise ValueError for a stage that the stand-in lacks."""
        expressions: dict[str, str] = {}
        kept: dict[str, str] = {}
        timestamp = output = ""
        for stage in rows(stages):
            for name, options in (stage if isinstance(stage, dict) else {}).items():
                match name:
                    case "docker":
                        expressions, kept, timestamp, output = {**expressions, **DOCKER}, {**kept, "stream": "stream"}, "time", "output"
                    case "json":
                        expressions |= {name: path or name for name, path in texts(lookup(options, "expressions")).items()}
                    case "labels":
                        kept |= {name: source or name for name, source in texts(options).items()}
                    case "timestamp":
                        timestamp = str(lookup(options, "source"))
                    case "output":
                        output = str(lookup(options, "source"))
                    case _:
                        raise ValueError(f"the stand-in has no pipeline stage {name}")
        return cls(expressions, kept, timestamp, output)

    def entry(self, line: str, own: Mapping[str, str]) -> Entry:
        """Given a line of a file, return what is sent; a line that is no JSON is sent as it is."""
        try:
            source = json.loads(line) if self.expressions else None
        except ValueError:
            source = None
        taken = {name: lookup(source, *path.split(".")) for name, path in self.expressions.items()}
        found = {label: str(taken[name]) for label, name in self.labels.items() if taken.get(name) is not None}
        text = taken.get(self.output)
        return Entry({**own, **found}, _moment(taken.get(self.timestamp)), line if text is None else str(text).rstrip("\n"))


def _moment(value: object) -> int:
    """Given RFC3339 with up to nine decimals, return nanoseconds; now, for anything else."""
    if not isinstance(value, str):
        return time.time_ns()
    whole, _, fraction = value.removesuffix("Z").partition(".")
    try:
        base = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    except ValueError:
        return time.time_ns()
    return base * 1_000_000_000 + int(fraction[:9].ljust(9, "0") or "0")
