"""The stand-ins for Loki and Promtail, as real processes on loopback."""

from __future__ import annotations

import gzip
import json
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from opsbook.lab.standins.serving import JSON, Answer, ask

from .standin_process import eventually, finished, free_address, port_of, running, status, text


def loki_config(folder: Path, address: str, more: str = "ingester: {lifecycler: {min_ready_duration: 0s}}") -> str:
    path = folder / "loki.yml"
    path.write_text(f"server:\n  http_listen_port: {port_of(address)}\nauth_enabled: false\n{more}\n")
    return f"-config.file={path}"


def promtail_config(folder: Path, address: str, loki: str) -> str:
    path = folder / "promtail.yml"
    path.write_text(
        f"""server: {{http_listen_port: {port_of(address)}}}
positions: {{filename: {folder}/positions.yaml}}
clients:
  - url: http://{loki}/loki/api/v1/push
    batchwait: 50ms
scrape_configs:
  - job_name: docker
    static_configs:
      - targets: [localhost]
        labels: {{job: docker, __path__: {folder}/logs/*/*-json.log}}
    pipeline_stages:
      - json: {{expressions: {{output: log, time: time, container: attrs.tag}}}}
      - labels: {{container: null}}
      - timestamp: {{source: time, format: RFC3339Nano}}
      - output: {{source: output}}
"""
    )
    return f"-config.file={path}"


def pushed(line: str, at: int | None = None) -> bytes:
    stream = {"stream": {"job": "opsbook", "run": "7"}, "values": [[str(at or time.time_ns()), line]]}
    return json.dumps({"streams": [stream]}).encode()


def push(address: str, line: str, at: int | None = None) -> Answer:
    return ask(f"http://{address}/loki/api/v1/push", pushed(line, at), JSON)


def lines(address: str, query: str) -> list[str]:
    answer = json.loads(text(address, f"/loki/api/v1/query_range?query={quote(query)}"))
    return [value[1] for stream in answer["data"]["result"] for value in stream["values"]]


def write_log(folder: Path, *words: str) -> None:
    file = folder / "logs" / "abc" / "abc-json.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    with file.open("a") as log:
        for word in words:
            log.write(json.dumps({"log": f"{word}\n", "time": f"{now}.000000001Z", "attrs": {"tag": "monitoring-caddy-1"}}) + "\n")


def test_loki_is_ready_only_after_its_configured_delay(tmp_path: Path) -> None:
    at = free_address()
    slow = loki_config(tmp_path, at, "ingester: {lifecycler: {min_ready_duration: 1s}}")
    with running(tmp_path, "loki", slow):
        eventually(lambda: status(at, "/ready") == 503, "it answers")
        assert text(at, "/ready") == "Ingester not ready: waiting for 1s after being ready\n"
        eventually(lambda: status(at, "/ready") == 200, "ready")
        assert text(at, "/ready") == "ready\n"


def test_loki_waits_15_seconds_when_nothing_is_configured(tmp_path: Path) -> None:
    at = free_address()
    with running(tmp_path, "loki", loki_config(tmp_path, at, "")):
        eventually(lambda: "waiting for 15s" in text(at, "/ready"), "it answers")


def test_a_pushed_line_is_found_by_label_and_by_text(tmp_path: Path) -> None:
    at = free_address()
    with running(tmp_path, "loki", loki_config(tmp_path, at)):
        eventually(lambda: status(at, "/ready") == 200, "ready")
        assert push(at, "a probe").status == 204
        assert push(at, "something else").status == 204
        assert lines(at, '{job="opsbook"} |= "probe"') == ["a probe"]
        assert lines(at, '{job="opsbook", run=~"7|8"} != "probe"') == ["something else"]
        assert lines(at, '{job="another"}') == []
        assert 'loki_distributor_lines_received_total{tenant="fake"} 2\n' in text(at, "/metrics")


def test_loki_takes_compressed_json(tmp_path: Path) -> None:
    at = free_address()
    with running(tmp_path, "loki", loki_config(tmp_path, at)):
        eventually(lambda: status(at, "/ready") == 200, "ready")
        link = HTTPConnection(at)
        link.request("POST", "/loki/api/v1/push", gzip.compress(pushed("packed")), {"Content-Type": JSON, "Content-Encoding": "gzip"})
        assert link.getresponse().status == 204
        link.close()
        assert lines(at, '{job="opsbook"}') == ["packed"]


def test_loki_refuses_a_line_that_is_too_old_and_counts_it(tmp_path: Path) -> None:
    at = free_address()
    with running(tmp_path, "loki", loki_config(tmp_path, at)):
        eventually(lambda: status(at, "/ready") == 200, "ready")
        answer = push(at, "from the first days", at=1_000_000_000)
        assert (answer.status, b"has timestamp too old" in answer.body) == (400, True)
        assert 'loki_discarded_samples_total{reason="greater_than_max_sample_age",tenant="fake"} 1\n' in text(at, "/metrics")


@pytest.mark.parametrize("query", ["", 'sum(rate({a="b"}[5m]))', "{}", '{a=~".*"}', '{a="b"} | json', '{a="b"'])
def test_loki_refuses_a_query_that_it_does_not_compute(tmp_path: Path, query: str) -> None:
    at = free_address()
    with running(tmp_path, "loki", loki_config(tmp_path, at)):
        eventually(lambda: status(at, "/ready") == 200, "ready")
        answer = ask(f"http://{at}/loki/api/v1/query_range?query={quote(query)}")
        assert (answer.status, answer.body[:11]) == (400, b"parse error")


def test_loki_with_authentication_wants_a_tenant(tmp_path: Path) -> None:
    at = free_address()
    config = loki_config(tmp_path, at)
    file = tmp_path / "loki.yml"
    file.write_text(file.read_text().replace("auth_enabled: false", "auth_enabled: true"))
    with running(tmp_path, "loki", config):
        eventually(lambda: status(at, "/metrics") == 200, "it answers")
        refused = push(at, "x")
        assert (refused.status, refused.body) == (401, b"no org id\n")
        assert status(at, "/loki/api/v1/labels") == 401


@pytest.mark.parametrize(
    ("name", "config", "doubt"),
    [
        ("loki", "serverr: {}\n", "field serverr not found in type loki.ConfigWrapper"),
        ("loki", "server:\n\thttp_listen_port: 1\n", "found character that cannot start any token"),
        ("promtail", "scrape_config: []\n", "field scrape_config not found in type config.Config"),
    ],
)
def test_a_configuration_that_does_not_parse_ends_with_code_1(tmp_path: Path, name: str, config: str, doubt: str) -> None:
    (tmp_path / "bad.yml").write_text(config)
    done = finished(tmp_path, name, f"-config.file={tmp_path / 'bad.yml'}")
    assert done.returncode == 1
    assert doubt in done.stderr


@pytest.mark.parametrize("name", ["loki", "promtail"])
def test_an_unknown_flag_ends_with_code_1_and_a_version_with_code_0(tmp_path: Path, name: str) -> None:
    refused = finished(tmp_path, name, "-no.such-flag=1")
    assert (refused.returncode, "flag provided but not defined: -no.such-flag" in refused.stderr) == (1, True)
    version = finished(tmp_path, name, "--version")
    assert (version.returncode, version.stdout.startswith(f"{name}, version 3.4.5")) == (0, True)


def test_promtail_sends_dockers_lines_to_loki_with_the_containers_name(tmp_path: Path) -> None:
    loki, promtail = free_address(), free_address()
    write_log(tmp_path, "hello")
    with running(tmp_path, "loki", loki_config(tmp_path, loki)), running(tmp_path, "promtail", promtail_config(tmp_path, promtail, loki)):
        eventually(lambda: lines(loki, '{container="monitoring-caddy-1"}') == ["hello"], "the line arrives")
        assert status(promtail, "/ready") == 200
        assert "abc-json.log" in text(promtail, "/targets")
        eventually(lambda: f'promtail_sent_entries_total{{host="{loki}"}} 1\n' in text(promtail, "/metrics"), "counted")


def test_promtail_is_not_ready_without_a_file_to_follow(tmp_path: Path) -> None:
    promtail = free_address()
    with running(tmp_path, "promtail", promtail_config(tmp_path, promtail, "127.0.0.1:1")):
        eventually(lambda: status(promtail, "/ready") == 500, "it answers")
        write_log(tmp_path, "hello")
        eventually(lambda: status(promtail, "/ready") == 200, "ready")


def test_promtail_keeps_lines_until_loki_is_there_and_sends_none_twice(tmp_path: Path) -> None:
    loki, promtail = free_address(), free_address()
    write_log(tmp_path, "first")
    config = promtail_config(tmp_path, promtail, loki)
    with running(tmp_path, "promtail", config) as sender:
        eventually(lambda: sender.said("will retry"), "it fails first")
        with running(tmp_path, "loki", loki_config(tmp_path, loki)):
            eventually(lambda: lines(loki, '{job="docker"}') == ["first"], "the line arrives")
            eventually((tmp_path / "positions.yaml").exists, "the position is kept")
            sender.process.terminate()
            assert sender.process.wait(10) == 0
            write_log(tmp_path, "second")
            with running(tmp_path, "promtail", config):
                eventually(lambda: "second" in lines(loki, '{job="docker"}'), "the new line arrives")
            assert sorted(lines(loki, '{job="docker"}')) == ["first", "second"]
