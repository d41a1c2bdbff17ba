from __future__ import annotations

import json
import re
from typing import Any

import pytest

from opsbook.check import Seen
from opsbook.host import Result
from opsbook.moves import working
from opsbook.systems import clock
from opsbook.web import Endpoint, Request
from tests.fake import FakeTransport, a_run, fake_host

RULE = {"type": "alerting", "name": "Down", "query": "up == 0", "health": "ok"}
GROUPS = [{"file": "/rules/a.yml", "name": "a", "interval": 1, "rules": [RULE]}]
NAMED = "global: {scrape_interval: 2s, evaluation_interval: 1s}\nrule_files: [rules/*.yml]\n"
UNNAMED = "global: {scrape_interval: 2s, evaluation_interval: 1s}\n"
PROBE = "http://blackbox-exporter:9115/probe?module=m&target=https%3A%2F%2Fa.example%2F"


def data(value: Any) -> str:
    return json.dumps({"status": "success", "data": value})


def target(url: str, health: str = "up", error: str = "") -> dict[str, Any]:
    labels = {"job": "j", "instance": "i"}
    stamp = "2026-01-01T00:00:00Z"
    return {"labels": labels, "scrapePool": "j", "health": health, "lastError": error, "lastScrape": stamp, "scrapeUrl": url}


def asked(service: str, path: str, *query: tuple[str, str]) -> Request:
    return Request(service, path, query)


def taught(**answers: str) -> FakeTransport:
    """Return a host on which everything works, but for these answers."""
    good: dict[str, tuple[Request, str]] = {
        "config": (asked("prometheus", "/api/v1/status/config"), data({"yaml": NAMED})),
        "rules": (asked("prometheus", "/api/v1/rules"), data({"groups": GROUPS})),
        "targets": (
            asked("prometheus", "/api/v1/targets", ("state", "active")),
            data({"activeTargets": [target("http://loki:3100/metrics"), target(PROBE), target("http://10.0.0.1:9100/metrics", "down")]}),
        ),
        "sidecar": (asked("thanos-sidecar", "/metrics"), "thanos_sidecar_prometheus_up 1\n"),
        "stores": (asked("thanos-query", "/api/v1/stores"), data({"sidecar": [{"name": "s:10901", "lastError": None}]})),
        "probe": (asked("blackbox-exporter", "/probe", ("module", "m"), ("target", "https://a.example/")), "probe_success 1\n"),
        "caddy": (asked("caddy", "/config/"), json.dumps({"apps": {"http": {"servers": {"srv0": {"listen": [":443"]}}}}})),
    }
    fake = FakeTransport()
    for name, (question, answer) in good.items():
        fake.teach(question, answers.get(name, answer))
    return fake


CHECKS = {
    "rules": working.rules_are_loaded,
    "targets": working.targets_are_up,
    "sidecar": working.sidecar_sees_prometheus,
    "query": working.query_has_a_store,
    "blackbox": working.blackbox_probes,
    "caddy": working.caddy_serves,
}


def seen(check: str, **answers: str) -> Seen:
    return CHECKS[check](fake_host(taught(**answers)))


@pytest.mark.parametrize("check", CHECKS)
def test_a_service_that_does_its_work_is_seen_to(check: str) -> None:
    assert seen(check).ok


@pytest.mark.parametrize(
    ("check", "answers", "saw"),
    [
        ("rules", {"rules": data({"groups": []})}, "0 rules from 0 files"),
        ("targets", {"targets": data({"activeTargets": []})}, "no target at all"),
        ("targets", {"targets": data({"activeTargets": [target("http://loki:3100/metrics", "down", "refused")]})}, "j i is down: refused"),
        ("targets", {"targets": data({"activeTargets": [target("http://10.0.0.1:9100/")]})}, "1 target"),
        ("sidecar", {"sidecar": "thanos_sidecar_prometheus_up 0\n"}, "thanos_sidecar_prometheus_up is 0"),
        ("sidecar", {"sidecar": "other 1\n"}, "thanos_sidecar_prometheus_up is missing"),
        ("query", {"stores": data({})}, "it knows no store"),
        ("query", {"stores": data({"sidecar": [{"name": "s:10901", "lastError": "refused"}]})}, "sidecar s:10901: refused"),
        ("blackbox", {"probe": "probe_success 0\n"}, "i fails its probe"),
        ("caddy", {"caddy": "null"}, "any name on no port"),
    ],
)
def test_a_service_that_does_not_is_named_with_what_was_seen(check: str, answers: dict[str, str], saw: str) -> None:
    found = seen(check, **answers)
    assert not found.ok
    assert saw in found.saw
    assert found.next.startswith("opsbook ")


def test_a_server_beyond_the_stack_that_is_down_is_named_and_not_held_against_the_stack() -> None:
    assert "is down: not scraped yet  (not a service of this stack)" in seen("targets").saw


def test_a_prometheus_without_rule_files_needs_no_rules() -> None:
    found = seen("rules", config=data({"yaml": UNNAMED}), rules=data({"groups": []}))
    assert (found.ok, found.saw) == (True, "its configuration names no rule file")


class Loki(FakeTransport):
    """Takes lines, and finds them again unless it is forgetful."""

    def __init__(self, *, forgetful: bool) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.forgetful = forgetful
        self.teach(clock.now(), "1700000000.5")

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        if request.method == "POST":
            self.lines += re.findall(r"[0-9a-f-]{36}", request.body or "")
            return Result(204)
        kept = [] if self.forgetful else [["1", line] for line in self.lines]
        return Result(200, data({"result": [{"values": kept}]}))


def test_a_line_that_loki_took_comes_back() -> None:
    loki = Loki(forgetful=False)
    assert working.loki_finds_a_new_line(fake_host(loki)).ok
    assert len(loki.lines) == 1


def test_a_line_that_does_not_come_back_is_no_proof() -> None:
    found = working.loki_finds_a_new_line(fake_host(Loki(forgetful=True)))
    assert (found.ok, found.saw) == (False, "taken, but not found within 10 s")


def test_a_plan_sends_no_line() -> None:
    loki = Loki(forgetful=False)
    assert working.loki_finds_a_new_line(fake_host(loki, run=a_run(plan=True))).ok
    assert loki.lines == []


def test_services_that_the_stack_lacks_are_not_asked() -> None:
    assert working.works(fake_host(taught()), ["caddy", "thanos-query"]).ok
    assert working.works(fake_host(FakeTransport()), []).saw == "this stack has none"
