from __future__ import annotations

import json

import pytest

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.metrics import Sample, metric, names, samples
from opsbook.systems.plain_yaml import plain
from opsbook.systems.prometheus import RELOADED, RELOADED_AT, Prometheus, check_config
from opsbook.systems.prometheus_state import (
    parse_alertmanagers,
    parse_config,
    parse_data,
    parse_formatted,
    parse_targets,
    parse_vector,
)
from opsbook.systems.times import NEVER, duration, epoch
from opsbook.web import Request
from tests.fake import FakeTransport, fake_host
from tests.systems.captured import captured

PAGE = captured("prometheus_metrics.txt").out


def test_questions_are_requests_to_its_service() -> None:
    here = Prometheus("prom")
    assert here.query('up{job="a b"}').ask == Request("prom", "/api/v1/query", (("query", 'up{job="a b"}'),))
    assert here.reload().do == Request("prom", "/-/reload", method="POST")
    assert here.rules() == here.rules()
    assert not isinstance(here.reload().do, Command)
    assert check_config("/etc/prometheus/prometheus.yml") == ("promtool", "check", "config", "/etc/prometheus/prometheus.yml")


def test_a_start_that_still_reads_its_log_is_not_ready() -> None:
    fake = FakeTransport()
    fake.teach(Prometheus().ready(), Result(503, "Service Unavailable"), Result(200, "ready"))
    host = fake_host(fake)
    assert [host.read(Prometheus().ready()) for _ in range(2)] == [False, True]


def test_a_refused_reload_fails_with_what_prometheus_says_about_it() -> None:
    fake = FakeTransport()
    fake.teach(Prometheus().reload(), Result(403, "Lifecycle API is not enabled."))
    with pytest.raises(CommandFailed, match=r"status 403\n.*Lifecycle API is not enabled") as failed:
        fake_host(fake).write(Prometheus().reload())
    assert "SIGHUP" in failed.value.next


def test_the_configuration_tells_globs_intervals_jobs_and_labels() -> None:
    config = parse_config(captured("prometheus_config.json"))
    assert config.rule_files == ("/etc/prometheus/rules/*.yml",)
    assert (config.evaluation, config.scrape, config.alerting) == (1, 2, True)
    assert config.external_labels == {"cluster": "p24", "replica": "vps-i1"}
    assert (config.jobs["synthetic"], len(config.jobs)) == (2, 11)


def test_flags_and_version_are_read() -> None:
    assert parse_data(captured("prometheus_flags.json"))["web.enable-lifecycle"] == "true"
    assert parse_data(captured("prometheus_buildinfo.json"))["version"].startswith("2.53.3")


def test_targets_tell_health_error_and_last_scrape() -> None:
    targets = {target.instance: target for target in parse_targets(captured("prometheus_targets.json"))}
    caddy = targets["caddy:2020"]
    assert (caddy.job, caddy.health, caddy.url) == ("caddy", "down", "http://caddy:2020/metrics")
    assert "no such host" in caddy.error
    assert caddy.scraped > 1_700_000_000


def test_the_alertmanagers_in_use_and_the_result_of_a_query_are_read() -> None:
    assert parse_alertmanagers(captured("prometheus_alertmanagers.json")) == ("http://alertmanager:9093/api/v2/alerts",)
    found = parse_vector(captured("prometheus_query.json"))
    assert Sample("up", 0.0, {"__name__": "up", "instance": "caddy:2020", "job": "caddy"}) in found
    assert parse_vector(Result(200, '{"data":{"resultType":"scalar","result":[1.5,"7"]}}')) == (Sample("", 7.0),)
    assert parse_formatted(captured("prometheus_format_query.json")) == "sum(rate(x[1h])) > 0"


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (200, {"data": {"resultType": "vector", "result": []}}, ""),
        (200, {"data": {"resultType": "scalar", "result": [1, "7"]}}, ""),
        (200, {"data": {"resultType": "string", "result": [1, "x"]}}, "it gives a string, and a rule needs a vector or a scalar"),
        (422, {"status": "error", "errorType": "execution", "error": "many-to-many"}, "many-to-many"),
    ],
)
def test_an_expression_that_no_rule_can_use_tells_why(status: int, body: dict[str, object], failure: str) -> None:
    fake = FakeTransport()
    fake.teach(Prometheus().failure("x"), Result(status, json.dumps(body)))
    assert fake_host(fake).read(Prometheus().failure("x")) == failure


def test_an_answer_that_prometheus_did_not_write_is_no_verdict_on_the_expression() -> None:
    fake = FakeTransport()
    fake.teach(Prometheus().failure("x"), Result(503, "Service Unavailable"))
    with pytest.raises(CommandFailed, match="cannot be read"):
        fake_host(fake).read(Prometheus().failure("x"))


def test_a_metric_is_found_by_name_and_labels() -> None:
    assert metric(PAGE, RELOADED) == 1
    assert metric(PAGE, RELOADED_AT) == pytest.approx(1.7952247e9, rel=1e-3)
    assert metric(PAGE, "prometheus_http_requests_total", {"handler": "/api/v1/rules", "code": "200"}) == 1
    assert metric(PAGE, "prometheus_http_requests_total", {"handler": "/nowhere"}) is None
    assert metric(PAGE, "prometheus_config") is None
    assert RELOADED in names(PAGE)


def test_labels_may_hold_quotes_braces_and_escapes() -> None:
    line = r'a_total{path="C:\\dir\n",said="\"hi\" {x=\"1\",}",} +Inf 1395066363000'
    assert samples(line, "a_total") == (Sample("a_total", float("inf"), {"path": "C:\\dir\n", "said": '"hi" {x="1",}'}),)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h", 3600), ("90m", 5400), ("1h30m", 5400), ("500ms", 0.5), ("2w", 1209600), ("0", 0), ("", 0), (None, 0), (15, 15)],
)
def test_durations_are_seconds(text: str | float | None, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["soon", "5", "1h x", "-1h"])
def test_what_is_no_duration_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


def test_times_of_go_are_seconds_since_1970() -> None:
    assert epoch("2026-11-21T01:23:40.516436595Z") == pytest.approx(1795224220.516, abs=0.01)
    assert epoch("2026-11-21T02:23:40+01:00") == 1795224220
    assert epoch("0001-01-01T00:00:00Z") == epoch("") == epoch(None) == NEVER


def test_yaml_is_read_as_written() -> None:
    assert plain("{a: yes, b: 1, c: null, d: 2020-01-01}", "x") == {"a": "yes", "b": "1", "c": "null", "d": "2020-01-01"}
    with pytest.raises(CommandFailed, match="x is no YAML"):
        plain("a: [", "x")
