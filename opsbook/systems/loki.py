"""Loki: whether a line that goes in comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from opsbook.host import Read, Result, Write
from opsbook.systems.answers import is_good, text
from opsbook.web import Request

LINES_RECEIVED = "loki_distributor_lines_received_total"
NANO = 1_000_000_000


@dataclass(frozen=True)
class Loki:
    """One Loki, by its service's name."""

    service: str = "loki"

    def ready(self) -> Read[bool]:
        """Whether it takes and finds lines: false for the first seconds of its life."""
        return Read(Request(self.service, "/ready"), is_good, answers=frozenset({200, 503}))

    def metrics(self) -> Read[str]:
        """Its own metrics."""
        return Read(Request(self.service, "/metrics"), text)

    def push(self, labels: Mapping[str, str], line: str, at: float) -> Write:
        """Send one line of ours, as of that time in seconds since 1970."""
        stream = {"stream": dict(labels), "values": [[str(int(at * NANO)), line]]}
        body = json.dumps({"streams": [stream]})
        return Write(Request(self.service, "/loki/api/v1/push", method="POST", body=body), f"send {self.service} a test line")

    def lines(self, labels: Mapping[str, str], since: float, until: float) -> Read[tuple[str, ...]]:
        """The lines with these labels between two times in seconds since 1970."""
        query = (("query", selector(labels)), ("start", str(int(since * NANO))), ("end", str(int(until * NANO))), ("limit", "100"))
        return Read(Request(self.service, "/loki/api/v1/query_range", query), parse_lines)


def selector(labels: Mapping[str, str]) -> str:
    """Given labels, return what selects exactly them."""
    return "{" + ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()) + "}"


def parse_lines(result: Result) -> tuple[str, ...]:
    """Given the answer of query_range, return the lines."""
    return tuple(line for stream in json.loads(result.out)["data"]["result"] for _, line in stream["values"])
