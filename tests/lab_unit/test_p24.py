"""The lab's stack p24: what the config repo holds, and what it leaves to .env."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from opsbook.lab.p24 import REPO, contents
from opsbook.lab.p24.env import env_text, rendered_files

from .standin_process import eventually, free_address, port_of, text

MONITORING = REPO / "monitoring"
COMPOSE: dict[str, Any] = yaml.safe_load((MONITORING / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
NAMED_ALERTS = {
    "infrastructure": {"ServerDown", "ContainerCrashLooping", "LowDisk", "HighMemory", "HighCPU"},
    "backups": {"BackupStale", "BackupSizeRegression"},
    "synthetic": {"EndpointDown", "EndpointSlow"},
    "security": {"SSHAuthFailures"},
    "costs": {"VercelApproachingFreeTier", "SupabaseDbSizeApproachingPro"},
    "queues": {"TranscriptionQueueCritical"},
    "loki": {"LokiIngestionStopped"},
    "n8n": {"N8nWorkflowFailed", "N8nSnapshotStale"},
}
EXPORTER = MONITORING / "exporters" / "queue-exporter" / "exporter.py"


def values(env: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in env.splitlines())


def test_the_stack_has_the_nine_services_and_its_exporter() -> None:
    assert set(SERVICES) == {
        *("prometheus", "thanos-sidecar", "thanos-query", "alertmanager", "loki"),
        *("promtail", "blackbox-exporter", "caddy", "grafana", "queue-exporter"),
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_restarts_and_has_a_healthcheck(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_only_caddy_is_published_beyond_loopback(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert ports == ["80:80", "443:443"] if name == "caddy" else all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", NAMED_ALERTS)
def test_every_alert_of_the_reference_is_there_with_a_severity_and_a_summary(name: str) -> None:
    groups = yaml.safe_load((MONITORING / "prometheus" / "rules" / f"{name}.yml").read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    assert set(rules) >= NAMED_ALERTS[name]
    for rule in rules.values():
        assert rule["expr"].strip()
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description"} <= set(rule["annotations"])


def test_every_service_is_scraped() -> None:
    config = yaml.safe_load((MONITORING / "prometheus" / "prometheus.yml").read_text())
    assert set(SERVICES) <= {job["job_name"] for job in config["scrape_configs"]}


def test_the_env_file_sets_every_key_of_the_example_and_of_the_compose_file() -> None:
    example = (MONITORING / ".env.example").read_text().splitlines()
    keys = {line.partition("=")[0] for line in example if line and not line.startswith("#")}
    assert set(values(env_text())) == keys
    assert "CADDY_ADMIN_HASH" in keys


def test_two_env_files_share_no_secret() -> None:
    one, two = values(env_text()), values(env_text())
    secret = {key for key in one if any(word in key for word in ("PASSWORD", "SECRET", "KEY", "HASH"))}
    assert len(secret) >= 6
    assert all(one[key] != two[key] for key in secret)


def test_the_hash_opens_to_the_password_and_is_quoted_so_that_compose_leaves_its_dollars() -> None:
    env = values(env_text())
    quoted = env["CADDY_ADMIN_HASH"]
    assert (quoted[:5], quoted[-1]) == ("'$2a$", "'")
    assert bcrypt.checkpw(env["GRAFANA_ADMIN_PASSWORD"].encode(), quoted.strip("'").encode())


def test_rendered_files_are_complete_and_ignored_by_git() -> None:
    env = env_text()
    files = rendered_files(env)
    assert files["alertmanager/smtp_password"] == values(env)["SMTP_PASSWORD"] + "\n"
    assert yaml.safe_load(files["thanos/s3.yml"]) == {"type": "FILESYSTEM", "config": {"directory": "/bucket"}}
    ignored = (REPO / ".gitignore").read_text().split()
    assert {"monitoring/.env", *(f"monitoring/{path}" for path in files)} == set(ignored)


@contextmanager
def exporter(registry: Path) -> Iterator[str]:
    address = free_address()
    env = {**os.environ, "QUEUES_FILE": str(registry), "PORT": port_of(address), "POLL_SECONDS": "0.1"}
    process = subprocess.Popen([sys.executable, str(EXPORTER)], env=env, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: "queue_exporter_up" in text(address, "/metrics"), "it answers")
        yield address
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_the_exporter_shows_active_queues_and_hides_paused_ones(tmp_path: Path) -> None:
    with exporter(MONITORING / "exporters" / "queue-exporter" / "config" / "queues.json") as address:
        page = text(address, "/metrics")
    assert 'queue_depth{queue="transcription",status="pending"} 3\n' in page
    assert "legacy_import" not in page
    assert "queue_exporter_up 1\n" in page
    assert 'queue_exporter_build_info{version="1.0.0"} 1\n' in page


def test_the_exporter_sees_a_new_queue_without_a_restart_and_reports_a_broken_registry(tmp_path: Path) -> None:
    registry = tmp_path / "queues.json"
    registry.write_text("[]")
    with exporter(registry) as address:
        assert "queue_depth{" not in text(address, "/metrics")
        registry.write_text('[{"label": "a\\"b", "active": true, "depth": {"pending": 1}}]')
        eventually(lambda: 'queue_depth{queue="a\\"b",status="pending"} 1\n' in text(address, "/metrics"), "the new queue")
        registry.write_text("{")
        eventually(lambda: "queue_exporter_up 0\n" in text(address, "/metrics"), "the broken registry")


def test_bytecode_that_an_installation_leaves_is_no_content_of_the_config_repo(tmp_path: Path) -> None:
    for path in ("exporter.py", "__pycache__/exporter.cpython-311.pyc"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert [path.name for path in contents(tmp_path)] == ["exporter.py"]
