"""What Prometheus tells about itself: configuration, targets, results of queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from opsbook.host import Result
from opsbook.systems.metrics import Sample
from opsbook.systems.plain_yaml import plain
from opsbook.systems.times import NEVER, duration, epoch

NOT_THERE = 404


@dataclass(frozen=True)
class Config:
    """What of its configuration matters to us; paths as in the container, intervals in seconds."""

    rule_files: tuple[str, ...]
    evaluation: float
    scrape: float
    jobs: Mapping[str, float]           # scrape interval by job
    external_labels: Mapping[str, str]
    alerting: bool                      # alerts are sent somewhere


@dataclass(frozen=True)
class Target:
    """One thing that is scraped; times in seconds since 1970."""

    job: str
    instance: str
    health: str
    error: str = ""
    scraped: float = NEVER
    url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def parse_data(result: Result) -> dict[str, str]:
    """Given an API answer that is a mapping, return it."""
    found: dict[str, str] = json.loads(result.out)["data"]
    return found


def parse_formatted(result: Result) -> str | None:
    """Given the answer of format_query, return the expression; nothing where Prometheus does not know that question."""
    return None if result.code == NOT_THERE else str(json.loads(result.out)["data"])


def parse_config(result: Result) -> Config:
    """Given the answer of status/config, return what matters to us."""
    raw = plain(json.loads(result.out)["data"]["yaml"], "the running configuration")
    settings = raw["global"]
    return Config(
        rule_files=tuple(raw.get("rule_files") or ()),
        evaluation=duration(settings["evaluation_interval"]),
        scrape=duration(settings["scrape_interval"]),
        jobs={job["job_name"]: duration(job["scrape_interval"]) for job in raw.get("scrape_configs") or ()},
        external_labels=settings.get("external_labels") or {},
        alerting=bool((raw.get("alerting") or {}).get("alertmanagers")),
    )


def parse_targets(result: Result) -> tuple[Target, ...]:
    """Given the answer of /api/v1/targets, return the active ones."""
    return tuple(
        Target(
            raw["labels"].get("job", raw["scrapePool"]),
            raw["labels"].get("instance", ""),
            raw["health"],
            raw["lastError"],
            epoch(raw["lastScrape"]),
            raw["scrapeUrl"],
            raw["labels"],
        )
        for raw in json.loads(result.out)["data"]["activeTargets"]
    )


def parse_alertmanagers(result: Result) -> tuple[str, ...]:
    """Given the answer of /api/v1/alertmanagers, return the addresses in use."""
    return tuple(found["url"] for found in json.loads(result.out)["data"]["activeAlertmanagers"])


def parse_vector(result: Result) -> tuple[Sample, ...]:
    """Given the answer of an instant query, return its samples."""
    data = json.loads(result.out)["data"]
    if data["resultType"] == "scalar":
        return (Sample("", float(data["result"][1])),)
    return tuple(Sample(raw["metric"].get("__name__", ""), float(raw["value"][1]), raw["metric"]) for raw in data["result"])


def parse_failure(result: Result) -> str:
    """Given the answer of an instant query, return what is wrong with the expression as a rule's, nothing when all is well."""
    raw = json.loads(result.out)
    if "error" in raw:
        return str(raw["error"])
    kind = raw["data"]["resultType"]
    return "" if kind in {"vector", "scalar"} else f"it gives a {kind}, and a rule needs a vector or a scalar"
