from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from opsbook.lab.stack import KEPT
from tests.lab.process import opsbook
from tests.lab.reach import on_vps
from tests.lab.snapshot import snapshot
from tests.lab.stack_runs import all_run, impatient, killed_at_every_prompt

BRING_UP = ("--lab", "bring-up", "vps-i1")
DIRECTORY = "/opt/p24-infra/monitoring"
SQUAT = "docker run --detach --name squatter --publish 443:443 --entrypoint sleep caddy:2.6.2-alpine 600"
ENV, S3, COMPOSE = f"{DIRECTORY}/.env", f"{DIRECTORY}/thanos/s3.yml", f"{DIRECTORY}/docker-compose.yml"
AGAIN = f"cp --archive {KEPT}/.env {ENV}; cp --archive {KEPT}/thanos/s3.yml {S3}"
MISHAPS = (     # what happens, what mends it, what is said of it
    (f"chmod 0644 {ENV}", f"chmod 0600 {ENV}", "others may read it"),
    (f"rm {ENV}", AGAIN, f"{ENV} is missing"),
    (f"sed --in-place /^CADDY_ADMIN_HASH=/d {ENV}", AGAIN, "CADDY_ADMIN_HASH"),
    (f"echo 'key: ${{WASABI_KEY}}' >> {S3}", AGAIN, "monitoring/thanos/s3.yml"),
    (f"echo '  : :' >> {COMPOSE}", f"sed --in-place '$d' {COMPOSE}", "yaml"),
    (f"docker rm --force monitoring-caddy-1; {SQUAT}", "docker rm --force squatter", "port 443: squatter"),
)
ONCE = '  migrate: {image: "caddy:2.6.2-alpine", entrypoint: [/bin/true], restart: "no"}'
SOME_GONE = "docker rm --force monitoring-promtail-1; docker stop monitoring-thanos-query-1"


def test_an_env_file_that_names_its_compose_file_from_where_it_lies_is_understood(restored: Lab) -> None:
    on_vps(restored, f"echo COMPOSE_FILE=docker-compose.yml >> {ENV}", user="root")
    ran = opsbook(*BRING_UP, "--yes")
    assert (ran.code, "already so, and proven: nothing was changed" in ran.err) == (0, True), ran.text


def test_a_stack_that_is_up_is_proven_and_left_alone(lab: Lab) -> None:
    before = snapshot(lab)
    ran = opsbook(*BRING_UP, "--yes")
    assert (ran.code, "already so, and proven: nothing was changed" in ran.err) == (0, True), ran.text
    assert snapshot(lab) == before


def test_a_plan_names_what_would_be_made_and_makes_nothing(restored: Lab) -> None:
    on_vps(restored, SOME_GONE)
    before = snapshot(restored)
    ran = opsbook(*BRING_UP, "--plan")
    assert ran.code == 0, ran.text
    assert "promtail has no container" in ran.err
    assert "thanos-query is exited" in ran.err
    assert snapshot(restored) == before


def test_killed_at_every_step_it_is_resumed_and_all_comes_up(restored: Lab) -> None:
    on_vps(restored, SOME_GONE)
    killed, seen = killed_at_every_prompt(restored, *BRING_UP)
    assert (killed, "changed, and proven" in seen, all_run(restored)) == (3, True, True), seen


def test_what_a_start_needs_is_looked_at_before_anything_is_touched(restored: Lab) -> None:
    """One after the other, each mended before the next: what a reset would do for all of them together takes longer."""
    for mishap, mend, says in MISHAPS:
        on_vps(restored, mishap, user="root")
        before = snapshot(restored)
        ran = opsbook(*BRING_UP, "--yes")
        assert (ran.code, says in ran.err, "nothing was changed" in ran.err) == (3, True, True), ran.text
        assert snapshot(restored) == before
        on_vps(restored, mend, user="root")


@pytest.mark.parametrize(("fault", "says"), [("docker-down", "opsbook --lab triage vps-i1 names"), ("disk-full", "the disk is full")])
def test_a_host_that_cannot_start_anything_is_refused(restored: Lab, fault: str, says: str) -> None:
    breaking.break_(restored, fault)
    ran = opsbook(*BRING_UP, "--yes")
    assert (ran.code, says in ran.err) == (3, True), ran.text


def test_a_one_shot_runs_once_and_is_done_and_one_that_fails_is_not(restored: Lab) -> None:
    on_vps(restored, f"sed --in-place 's|^services:|&\\n{ONCE}|' {COMPOSE}", user="root")
    first, again = (opsbook(*BRING_UP, "--yes") for _ in range(2))
    status = opsbook("--lab", "status", "vps-i1")
    assert (first.code, "migrate has no container" in first.err, "changed, and proven" in first.err) == (0, True, True), first.text
    assert (again.code, "already so, and proven: nothing was changed" in again.err) == (0, True), again.text
    assert (status.code, "done" in status.out) == (0, True), status.text
    on_vps(restored, f"sed --in-place 's|/bin/true|/bin/false|' {COMPOSE}", user="root")
    failed = opsbook(*BRING_UP, "--yes")
    assert (failed.code, "migrate is exited (1)" in failed.err) == (4, True), failed.text


def test_a_stopped_slow_prometheus_is_started_and_waited_for(restored: Lab) -> None:
    breaking.break_(restored, "slow-start", "5")
    breaking.break_(restored, "prometheus-down")
    ran = opsbook(*BRING_UP, "--yes")
    assert (ran.code, "prometheus is exited" in ran.err, "changed, and proven" in ran.err) == (0, True, True), ran.text


def test_a_service_that_crashes_is_named_with_its_last_words(restored: Lab, tmp_path: Path) -> None:
    breaking.break_(restored, "crash-loop", "alertmanager")
    ran = opsbook(*impatient(restored, tmp_path), "bring-up", "vps-i1", "--yes")
    assert (ran.code, "alertmanager is restarting" in ran.err, "unknown long flag '--no-such-flag'" in ran.err) == (3, True, True), ran.text
    assert "inventory.yaml logs alertmanager vps-i1" in ran.err


def test_a_healthy_prometheus_that_watches_over_nothing_is_not_proven(restored: Lab, tmp_path: Path) -> None:
    breaking.break_(restored, "empty-glob")
    ran = opsbook(*impatient(restored, tmp_path), "bring-up", "vps-i1", "--yes")
    assert (ran.code, "NOT TRUE Prometheus runs the rules" in ran.err) == (3, True), ran.text
