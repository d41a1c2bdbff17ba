"""Metrics in the text format of Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
QUOTED = re.compile(r'[\\"\n]')
ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Sample:
    """One value with its labels."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def samples(text: str, name: str, labels: Mapping[str, str] | None = None) -> tuple[Sample, ...]:
    """Given a metrics page, return the samples of that name that carry these labels, and perhaps more."""
    wanted = (labels or {}).items()
    return tuple(sample for sample in _read(text, name) if wanted <= sample.labels.items())


def metric(text: str, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    """Given a metrics page, return the value of the first such sample, or nothing."""
    return next((sample.value for sample in samples(text, name, labels)), None)


def names(text: str) -> frozenset[str]:
    """Given a metrics page, return the names it offers."""
    return frozenset(match[1] for match in map(LINE.match, text.splitlines()) if match)


def selector(name: str, labels: Mapping[str, str]) -> str:
    """Return the PromQL that selects the series of that name with exactly these values of these labels."""
    pairs = (f'{label}="{QUOTED.sub(_quoted, value)}"' for label, value in labels.items())
    return f"{name}{{{','.join(pairs)}}}"


def _quoted(sign: re.Match[str]) -> str:
    return "\\n" if sign[0] == "\n" else f"\\{sign[0]}"


def _read(text: str, name: str) -> Iterator[Sample]:
    for line in text.splitlines():
        if line.startswith(name):
            match = LINE.match(line)
            if match and match[1] == name:
                yield Sample(name, float(match[3]), _labels(match[2] or ""))


def _labels(text: str) -> dict[str, str]:
    return {name: ESCAPE.sub(lambda sign: "\n" if sign[1] == "n" else sign[1], value) for name, value in LABEL.findall(text)}
