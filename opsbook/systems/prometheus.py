"""Prometheus, asked and told over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.host import Read, Write
from opsbook.systems.answers import is_good, text
from opsbook.systems.metrics import Sample
from opsbook.systems.prometheus_state import (
    NOT_THERE,
    Config,
    Target,
    parse_alertmanagers,
    parse_config,
    parse_data,
    parse_failure,
    parse_formatted,
    parse_targets,
    parse_vector,
)
from opsbook.systems.rules import Group, parse_rules
from opsbook.web import Request

RELOADED = "prometheus_config_last_reload_successful"
RELOADED_AT = "prometheus_config_last_reload_success_timestamp_seconds"

EVALUATED = frozenset({200, 400, 422, 503})     # well, or wrong in itself, by the data, or by its time
LONGEST_QUERY = 120                             # Prometheus's own limit, in seconds


@dataclass(frozen=True)
class Prometheus:
    """One Prometheus, by its service's name."""

    service: str = "prometheus"

    def rules(self) -> Read[tuple[Group, ...]]:
        """The rules it runs, and how they fare."""
        return Read(self._get("/api/v1/rules"), parse_rules)

    def config(self) -> Read[Config]:
        """The configuration it accepted last; no proof that all of it was applied."""
        return Read(self._get("/api/v1/status/config"), parse_config)

    def flags(self) -> Read[dict[str, str]]:
        """Its command line, defaults included."""
        return Read(self._get("/api/v1/status/flags"), parse_data)

    def build(self) -> Read[dict[str, str]]:
        """Its version and where it comes from."""
        return Read(self._get("/api/v1/status/buildinfo"), parse_data)

    def metrics(self) -> Read[str]:
        """Its own metrics, read directly and not through a scrape."""
        return Read(self._get("/metrics"), text)

    def targets(self) -> Read[tuple[Target, ...]]:
        """What it scrapes."""
        return Read(self._get("/api/v1/targets", ("state", "active")), parse_targets)

    def alertmanagers(self) -> Read[tuple[str, ...]]:
        """The Alertmanagers it sends to."""
        return Read(self._get("/api/v1/alertmanagers"), parse_alertmanagers)

    def query(self, expression: str) -> Read[tuple[Sample, ...]]:
        """The expression's value now."""
        return Read(self._get("/api/v1/query", ("query", expression)), parse_vector)

    def failure(self, expression: str) -> Read[str]:
        """How an evaluation of a rule's expression fails now; nothing when it does not."""
        ask = self._get("/api/v1/query", ("query", expression))
        return Read(ask, parse_failure, answers=EVALUATED, within=LONGEST_QUERY + 10)

    def formatted(self, expression: str) -> Read[str | None]:
        """The expression as Prometheus would write it; nothing from one before 2.39, which cannot tell."""
        return Read(self._get("/api/v1/format_query", ("query", expression)), parse_formatted, answers=frozenset({200, NOT_THERE}))

    def healthy(self) -> Read[bool]:
        """Whether it lives."""
        return Read(self._get("/-/healthy"), is_good, answers=frozenset({200, 503}))

    def ready(self) -> Read[bool]:
        """Whether it serves queries: false while it reads its write-ahead log."""
        return Read(self._get("/-/ready"), is_good, answers=frozenset({200, 503}))

    def reload(self) -> Write:
        """Read configuration and rules again; answers when that is done."""
        return Write(Request(self.service, "/-/reload", method="POST"), f"tell {self.service} to reload")

    def _get(self, path: str, *query: tuple[str, str]) -> Request:
        return Request(self.service, path, query)


def check_config(path: str) -> tuple[str, ...]:
    """Return the words that judge a configuration and its rule files: 0 good, 1 bad, 3 bad by lint."""
    return ("promtool", "check", "config", path)
