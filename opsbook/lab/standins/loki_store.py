"""Loki's memory: the last lines of every stream."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .exposition import Labels, Metrics, labels, selector
from .logql import Query

LINES_PER_STREAM = 20_000
RECEIVED = "loki_distributor_lines_received_total"
BYTES = "loki_distributor_bytes_received_total"
DISCARDED = "loki_discarded_samples_total"
TENANT = labels({"tenant": "fake"})
TOO_OLD = labels({"reason": "greater_than_max_sample_age", "tenant": "fake"})
Entry = tuple[int, str]


class Rejected(ValueError):
    """Lines that Loki does not take; the message is its answer."""


@dataclass(frozen=True)
class Store:
    metrics: Metrics
    oldest: float
    streams: dict[Labels, deque[Entry]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for name in (RECEIVED, BYTES):
            self.metrics.set(name, 0, TENANT)

    def take(self, streams: Sequence[tuple[Labels, Sequence[Sequence[str]]]], size: int) -> None:
        """Keep every line that is young enough. Raise Rejected after keeping the rest."""
        limit = int((time.time() - self.oldest) * 1e9)
        stale: list[str] = []
        with self.lock:
            for stream, values in streams:
                entries = [(int(value[0]), str(value[1])) for value in values]
                young = [entry for entry in entries if entry[0] >= limit]
                stale += [selector(stream)] * (len(entries) - len(young))
                self.streams.setdefault(stream, deque(maxlen=LINES_PER_STREAM)).extend(young)
                self.metrics.add(RECEIVED, len(entries), TENANT)
            self.metrics.set("loki_ingester_memory_streams", len(self.streams), TENANT)
        self.metrics.add(BYTES, size, TENANT)
        if stale:
            self.metrics.add(DISCARDED, len(stale), TOO_OLD)
            raise Rejected(f"entry for stream '{stale[0]}' has timestamp too old")

    def select(self, query: Query, span: tuple[int, int], limit: int, forward: bool) -> list[dict[str, object]]:
        """Return at most LIMIT lines of the span, by stream, oldest or newest first."""
        found = sorted(self._matching(query, span), key=lambda row: row[0], reverse=not forward)[:limit]
        by_stream: dict[Labels, list[list[str]]] = {}
        for at, line, stream in found:
            by_stream.setdefault(stream, []).append([str(at), line])
        return [{"stream": dict(stream), "values": values} for stream, values in by_stream.items()]

    def series(self) -> list[dict[str, str]]:
        with self.lock:
            return [dict(stream) for stream in self.streams]

    def label_names(self) -> list[str]:
        return sorted({name for stream in self.series() for name in stream})

    def label_values(self, name: str) -> list[str]:
        return sorted({stream[name] for stream in self.series() if name in stream})

    def _matching(self, query: Query, span: tuple[int, int]) -> Iterable[tuple[int, str, Labels]]:
        with self.lock:
            wanted = [(stream, list(entries)) for stream, entries in self.streams.items() if query.wants(dict(stream))]
        for stream, entries in wanted:
            for at, line in entries:
                if span[0] <= at < span[1] and query.keeps(line):
                    yield at, line, stream
