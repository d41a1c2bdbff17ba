"""Metrics in Prometheus's text format."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]


def labels(pairs: Mapping[str, str]) -> Labels:
    return tuple(sorted(pairs.items()))


def selector(pairs: Labels) -> str:
    """Write labels as PromQL and LogQL do."""
    return "{" + ", ".join(f'{name}="{value}"' for name, value in pairs) + "}"


@dataclass(frozen=True)
class Metrics:
    """Counters and gauges by name and labels; written by many threads."""

    samples: dict[str, dict[Labels, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, name: str, value: float, of: Labels = ()) -> None:
        with self.lock:
            self.samples.setdefault(name, {})[of] = value

    def add(self, name: str, value: float = 1, of: Labels = ()) -> None:
        with self.lock:
            series = self.samples.setdefault(name, {})
            series[of] = series.get(of, 0) + value

    def page(self) -> str:
        with self.lock:
            lines = [line for name in sorted(self.samples) for line in _family(name, self.samples[name])]
        return "\n".join(lines) + "\n"


def started(program: str, version: str) -> Metrics:
    """Return the metrics that every program has from its first moment."""
    metrics = Metrics()
    metrics.set("process_start_time_seconds", time.time())
    metrics.set(f"{program}_build_info", 1, labels({"version": version, "branch": "stand-in", "revision": "opsbook-lab"}))
    return metrics


def _family(name: str, series: Mapping[Labels, float]) -> Iterable[str]:
    yield f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"
    for pairs, value in sorted(series.items()):
        inner = ",".join(f'{key}="{_escape(text)}"' for key, text in pairs)
        yield f"{name}{{{inner}}} {value:.17g}" if inner else f"{name} {value:.17g}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
