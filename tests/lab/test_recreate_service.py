from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.lab import gitserver
from opsbook.lab.faults import overrides
from opsbook.lab.faults.actions import publish
from opsbook.lab.lab import Lab
from tests.lab.process import opsbook
from tests.lab.reach import on_vps
from tests.lab.snapshot import snapshot
from tests.lab.stack_runs import all_run, impatient, killed_at_every_prompt, skipping, started

RECREATE = ("--lab", "recreate-service", "queue-exporter", "vps-i1")
ENV = "/opt/p24-infra/monitoring/.env"
SHOWN_POLL = "docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' monitoring-queue-exporter-1 | grep POLL"


@pytest.fixture
def slower(restored: Lab) -> Lab:
    """A lab in whose .env somebody has changed a value."""
    on_vps(restored, f"sed --in-place 's/^QUEUE_POLL_SECONDS=.*/QUEUE_POLL_SECONDS=77123/' {ENV}")
    return restored


def test_a_changed_variable_is_named_without_its_value_and_comes_into_effect(slower: Lab) -> None:
    neighbour = started(slower, "prometheus")
    ran = opsbook(*RECREATE, "--yes")
    assert (ran.code, "changed, and proven" in ran.err) == (0, True), ran.text
    assert "queue-exporter differs in environment POLL_SECONDS" in ran.err
    assert "77123" not in ran.text
    assert on_vps(slower, SHOWN_POLL).strip() == "POLL_SECONDS=77123"
    assert started(slower, "prometheus") == neighbour


def test_a_service_without_a_difference_is_left_alone(lab: Lab) -> None:
    before = snapshot(lab)
    ran = opsbook(*RECREATE, "--yes")
    assert (ran.code, "already so, and proven" in ran.err) == (0, True), ran.text
    assert snapshot(lab) == before


def test_a_plan_recreates_nothing(slower: Lab) -> None:
    before = snapshot(slower)
    ran = opsbook(*RECREATE, "--plan")
    assert (ran.code, "differs in environment POLL_SECONDS" in ran.err) == (0, True), ran.text
    assert snapshot(slower) == before


def test_a_missing_service_is_created_and_one_that_is_there_made_anew_by_force(restored: Lab) -> None:
    forced = opsbook(*RECREATE, "--force", "--yes")
    assert (forced.code, "changed, and proven" in forced.err) == (0, True), forced.text
    on_vps(restored, "docker rm --force monitoring-queue-exporter-1")
    ran = opsbook(*RECREATE, "--yes")
    assert (ran.code, "queue-exporter has no container" in ran.err) == (0, True), ran.text


def test_an_unset_variable_is_refused_by_name(restored: Lab) -> None:
    on_vps(restored, f"sed --in-place /^CADDY_ADMIN_HASH=/d {ENV}")
    ran = opsbook("--lab", "recreate-service", "caddy", "--yes")
    assert (ran.code, "CADDY_ADMIN_HASH" in ran.err) == (3, True), ran.text
    assert all_run(restored)


def test_settings_that_the_service_does_not_survive_are_not_proven(restored: Lab, tmp_path: Path) -> None:
    wrong = 'services: {alertmanager: {command: ["--no-such-flag"]}}\n'
    publish(restored, {overrides.FILE: wrong}, "a flag that does not exist")
    ran = opsbook(*impatient(restored, tmp_path), "recreate-service", "alertmanager", "vps-i1", "--yes")
    assert (ran.code, "alertmanager differs in command" in ran.err) == (4, True), ran.text
    assert "NOT TRUE The service is healthy" in ran.err
    gitserver.commit(restored, {overrides.FILE: None}, "without it")


def test_without_the_step_the_settings_are_not_in_effect_and_the_proof_says_so(slower: Lab) -> None:
    code, seen = skipping("Replace the service's container", *RECREATE)
    assert (code, "NOT TRUE The service runs, with the settings" in seen) == (3, True), seen


def test_killed_at_every_step_it_is_resumed_and_nothing_stays_stopped(slower: Lab) -> None:
    killed, seen = killed_at_every_prompt(slower, *RECREATE)
    assert (killed, "changed, and proven" in seen) == (3, True), seen
    assert on_vps(slower, SHOWN_POLL).strip() == "POLL_SECONDS=77123"
    assert all_run(slower)
