from __future__ import annotations

from pathlib import Path

from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from tests.lab.process import Terminal, opsbook
from tests.lab.reach import on_vps
from tests.lab.snapshot import snapshot
from tests.lab.stack_runs import all_run, impatient, killed_at_every_prompt, killed_when, skipping, started, states
from tests.until import until

RESTART = ("--lab", "restart-service", "blackbox-exporter", "vps-i1")


def test_a_service_is_restarted_and_the_others_run_on(restored: Lab) -> None:
    before, neighbour = started(restored, "blackbox-exporter"), started(restored, "prometheus")
    ran = opsbook(*RESTART, "--yes")
    assert (ran.code, "changed, and proven" in ran.err) == (0, True), ran.text
    assert started(restored, "blackbox-exporter") > before
    assert started(restored, "prometheus") == neighbour


def test_a_plan_restarts_nothing(lab: Lab) -> None:
    before = snapshot(lab)
    ran = opsbook(*RESTART, "--plan")
    assert (ran.code, "then     restart blackbox-exporter" in ran.err) == (0, True), ran.text
    assert snapshot(lab) == before


def test_a_host_or_a_near_miss_in_place_of_the_service_is_a_matter_of_usage(lab: Lab) -> None:
    assert (opsbook("--lab", "restart-service", "vps-i1").code, lab.name) == (2, lab.name)
    ran = opsbook("--lab", "restart-service", "prometeus", "vps-i1")
    assert (ran.code, "did you mean prometheus?" in ran.err) == (2, True)


def test_a_stopped_service_is_not_restarted_but_its_remedy_named(restored: Lab) -> None:
    on_vps(restored, "docker stop monitoring-blackbox-exporter-1")
    ran = opsbook(*RESTART, "--yes")
    assert (ran.code, "nothing was changed" in ran.err) == (3, True)
    assert "recreate-service blackbox-exporter vps-i1" in ran.err
    assert states(restored)["blackbox-exporter"] == "exited"


def test_a_crash_loop_is_not_proven(restored: Lab, tmp_path: Path) -> None:
    breaking.break_(restored, "crash-loop", "alertmanager")
    ran = opsbook(*impatient(restored, tmp_path), "restart-service", "alertmanager", "vps-i1", "--yes")
    _, red, seen = ran.err.partition("NOT TRUE")
    assert (ran.code, bool(red), "restarting (1)" in seen or "running (starting)" in seen) == (4, True, True), ran.text
    assert "logs alertmanager vps-i1" in ran.err


def test_without_the_restart_there_is_no_new_start_and_no_proof(restored: Lab) -> None:
    code, seen = skipping("Restart the service's container", *RESTART)
    assert (code, "NOT TRUE The service was restarted by this run" in seen) == (3, True), seen


def test_a_neighbour_that_was_restarted_meanwhile_is_seen(restored: Lab) -> None:
    terminal = Terminal(RESTART).start()
    assert terminal.prompt(), terminal.seen
    on_vps(restored, "docker restart monitoring-promtail-1")
    terminal.answer("y")
    assert terminal.end() == 4
    assert "NOT TRUE The other services ran on" in terminal.seen
    assert "monitoring-promtail-1 is not the same any more" in terminal.seen


def test_killed_at_every_step_it_is_resumed_and_nothing_stays_stopped(restored: Lab) -> None:
    before = started(restored, "blackbox-exporter")
    killed, seen = killed_at_every_prompt(restored, *RESTART)
    assert (killed, "changed, and proven" in seen) == (3, True), seen
    assert started(restored, "blackbox-exporter") > before
    assert all_run(restored)


def test_killed_in_the_middle_of_the_restart_the_host_finishes_it(restored: Lab) -> None:
    killed_when("let the host start blackbox exporter", *RESTART)
    assert until(lambda: all_run(restored), within=30)
    ran = opsbook(*RESTART, "--yes", "--wait", "30")
    assert (ran.code, "going on with the unfinished run" in ran.err) == (0, True), ran.text
