"""Alertmanager, asked and told over HTTP, and judged by amtool."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from opsbook.host import Read, Result, Write
from opsbook.systems.answers import is_good, text
from opsbook.systems.times import epoch
from opsbook.web import Request

RELOADED = "alertmanager_config_last_reload_successful"
RELOADED_AT = "alertmanager_config_last_reload_success_timestamp_seconds"
CONFIG_HASH = "alertmanager_config_hash"


@dataclass(frozen=True)
class Status:
    """What it runs: the configuration with its secrets already hidden by itself, and since when."""

    config: str
    started: float
    version: str


@dataclass(frozen=True)
class Alertmanager:
    """One Alertmanager, by its service's name."""

    service: str = "alertmanager"

    def status(self) -> Read[Status]:
        """Configuration, start and version."""
        return Read(Request(self.service, "/api/v2/status"), parse_status)

    def receivers(self) -> Read[tuple[str, ...]]:
        """The names of those it can notify."""
        return Read(Request(self.service, "/api/v2/receivers"), parse_receivers)

    def metrics(self) -> Read[str]:
        """Its own metrics."""
        return Read(Request(self.service, "/metrics"), text)

    def ready(self) -> Read[bool]:
        """Whether it serves; this answer is always the same while it lives."""
        return Read(Request(self.service, "/-/ready"), is_good, answers=frozenset({200, 503}))

    def reload(self) -> Write:
        """Read the configuration again; a bad one is refused and the old one stays."""
        return Write(Request(self.service, "/-/reload", method="POST"), f"tell {self.service} to reload")


def check_config(path: str) -> tuple[str, ...]:
    """Return the words that judge a configuration and its templates: 0 good, 1 bad."""
    return ("amtool", "check-config", path)


def route_test(path: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that tell which receivers an alert with these labels would reach."""
    quoted = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items())
    return ("amtool", "config", "routes", "test", f"--config.file={path}", *quoted)


def route_tree(path: str) -> tuple[str, ...]:
    """Return the words that print the tree of routes with their matchers and receivers."""
    return ("amtool", "config", "routes", "show", f"--config.file={path}")


def config_hash(config: str) -> float:
    """Given the text of a configuration file, return what `alertmanager_config_hash` is while Alertmanager runs it."""
    digest = hashlib.md5(config.encode(errors="surrogateescape"), usedforsecurity=False).digest()
    return float(int.from_bytes(digest[:6], "little"))


def parse_status(result: Result) -> Status:
    """Given the answer of /api/v2/status, return it."""
    raw = json.loads(result.out)
    return Status(raw["config"]["original"], epoch(raw["uptime"]), raw["versionInfo"]["version"])


def parse_receivers(result: Result) -> tuple[str, ...]:
    """Given the answer of /api/v2/receivers, return their names."""
    return tuple(raw["name"] for raw in json.loads(result.out))


def parse_route_test(result: Result) -> tuple[str, ...]:
    """Given the output of a route test, return the receivers in the order they are notified; amtool's warnings come before them."""
    return tuple(result.out.strip().splitlines()[-1].split(","))
