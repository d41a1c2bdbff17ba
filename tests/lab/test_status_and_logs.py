from __future__ import annotations

import json
import signal

from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from tests.lab.process import Terminal, opsbook
from tests.lab.reach import on_vps
from tests.until import until

STATUS = ("--lab", "status", "vps-i1")


def standing(text: str) -> dict[str, dict[str, object]]:
    return {row["service"]: row for row in json.loads(text)["hosts"][0]["answer"]["services"]}


def test_a_well_stack_is_shown_whole_with_exit_0(lab: Lab) -> None:
    ran = opsbook(*STATUS, "--json")
    assert ran.code == 0, ran.text
    rows = standing(ran.out)
    assert set(rows) == {
        *("prometheus", "thanos-sidecar", "thanos-query", "alertmanager", "loki", "promtail"),
        *("blackbox-exporter", "caddy", "grafana", "queue-exporter"),
    }
    assert {(row["state"], row["endpoint"]) for row in rows.values()} == {("healthy", "ok")}


def test_a_stopped_prometheus_is_trouble_with_exit_10(restored: Lab) -> None:
    breaking.break_(restored, "prometheus-down")
    ran = opsbook(*STATUS)
    assert ran.code == 10
    assert "prometheus is exited" in ran.err
    assert "next: opsbook --lab logs prometheus vps-i1" in ran.err


def test_a_docker_that_is_down_is_said_at_once(restored: Lab) -> None:
    breaking.break_(restored, "docker-down")
    ran = opsbook(*STATUS)
    assert (ran.code, "Docker does not answer" in ran.err, "opsbook --lab triage vps-i1" in ran.err) == (10, True, True)
    assert ran.seconds < 15


def test_a_removed_container_is_shown_as_missing(restored: Lab) -> None:
    on_vps(restored, "docker rm --force monitoring-blackbox-exporter-1")
    ran = opsbook(*STATUS, "--json")
    assert (ran.code, standing(ran.out)["blackbox-exporter"]["state"]) == (10, "missing")


def test_logs_are_those_of_the_service(lab: Lab) -> None:
    ran = opsbook("--lab", "logs", "prometheus", "vps-i1", "--lines", "5")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 5
    assert "level=info" in ran.out


def test_following_a_log_shows_what_comes_and_leaves_nothing_behind(lab: Lab) -> None:
    running = "pgrep --full '[d]ocker logs --follow' || true"
    terminal = Terminal(("--lab", "logs", "prometheus", "vps-i1", "--follow", "--lines", "0")).start()
    assert until(lambda: on_vps(lab, running).strip() != "", 20)
    on_vps(lab, "curl --silent --fail --request POST http://127.0.0.1:9090/-/reload")
    assert terminal.until(lambda new: "Completed loading of configuration file" in new, 20)
    terminal.kill(signal.SIGINT)
    assert terminal.end(20) == 130
    assert until(lambda: on_vps(lab, running).strip() == "", 20)
