"""Caddy, asked through its admin API, which answers only inside its container."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opsbook.host import Read, Result
from opsbook.systems.inside import exec_
from opsbook.web import Request


@dataclass(frozen=True)
class Sites:
    """What it serves: addresses it listens on and host names; the rest of its configuration holds password hashes."""

    listens: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Caddy:
    """One Caddy, by its service's name."""

    service: str = "caddy"

    def sites(self) -> Read[Sites]:
        """What the running configuration serves."""
        return Read(Request(self.service, "/config/"), parse_sites)

    def storage(self) -> Read[dict[str, object] | None]:
        """What the running configuration says of its storage; nothing where it is left to Caddy."""
        return Read(Request(self.service, "/config/"), parse_storage)


def parse_storage(result: Result) -> dict[str, object] | None:
    """Given the running configuration, return its part about the storage, if there is one."""
    found = (json.loads(result.out) or {}).get("storage")
    return dict(found) if found else None


def parse_sites(result: Result) -> Sites:
    """Given the running configuration, return what it serves; nothing for a Caddy without one."""
    raw = json.loads(result.out) or {}
    servers = raw.get("apps", {}).get("http", {}).get("servers", {}).values()
    listens = {address for server in servers for address in server.get("listen", ())}
    return Sites(tuple(sorted(listens)), tuple(sorted(set(_hosts(list(servers))))))


def _hosts(raw: Any) -> Iterator[str]:
    if isinstance(raw, list):
        for item in raw:
            yield from _hosts(item)
    elif isinstance(raw, dict):
        for matcher in raw.get("match") or ():
            yield from matcher.get("host", ())
        for item in raw.values():
            yield from _hosts(item)


def running_version(container: str) -> Read[str]:
    """What `caddy version` says in the container, without the sum behind it: `v2.6.2`, or a distribution's `2.6.2`."""
    return Read(exec_(container, "caddy", "version"), lambda result: result.out.partition(" ")[0].strip())
