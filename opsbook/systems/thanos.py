"""Thanos: what the query component can reach, and what the sidecar says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.systems.answers import text
from opsbook.web import Request

SEES_PROMETHEUS = "thanos_sidecar_prometheus_up"


@dataclass(frozen=True)
class Store:
    """One source that the query component knows: a sidecar has the recent data, only a store has what is in the bucket."""

    kind: str
    name: str
    error: str = ""


@dataclass(frozen=True)
class Thanos:
    """One Thanos component, by its service's name."""

    service: str

    def stores(self) -> Read[tuple[Store, ...]]:
        """The sources that the query component knows."""
        return Read(Request(self.service, "/api/v1/stores"), parse_stores)

    def metrics(self) -> Read[str]:
        """Its own metrics."""
        return Read(Request(self.service, "/metrics"), text)


def parse_stores(result: Result) -> tuple[Store, ...]:
    """Given the answer of /api/v1/stores, return the sources of every kind."""
    data = json.loads(result.out)["data"] or {}
    return tuple(Store(kind, raw["name"], raw.get("lastError") or "") for kind, found in sorted(data.items()) for raw in found or ())
