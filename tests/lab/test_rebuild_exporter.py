from __future__ import annotations

import json
from pathlib import Path

from opsbook.lab import breaking, gitserver
from opsbook.lab.lab import Lab
from tests.lab.process import opsbook
from tests.lab.reach import on_vps
from tests.lab.snapshot import snapshot
from tests.lab.stack_runs import all_run, impatient, killed_at_every_prompt, killed_when, started, states
from tests.until import until

REBUILD = ("--lab", "rebuild-exporter", "queue-exporter", "vps-i1")
FOLDER = "monitoring/exporters/queue-exporter"
CODE, DOCKERFILE = f"{FOLDER}/exporter.py", f"{FOLDER}/Dockerfile"
COMPOSE = "monitoring/docker-compose.yml"
VERSION = "curl --silent http://127.0.0.1:9200/metrics | sed --quiet 's/^queue_exporter_build_info{version=\"\\(.*\\)\"} 1/\\1/p'"
IMAGE = "docker inspect --format '{{.Image}}' monitoring-queue-exporter-1"
HEAD = "git -C /opt/p24-infra rev-parse HEAD"


def release(lab: Lab, version: str) -> None:
    """Commit an exporter that tells another version."""
    gitserver.commit(lab, {CODE: gitserver.content(lab, CODE).replace("1.0.0", version)}, f"queue-exporter {version}")


def test_changed_code_is_built_swapped_proven_and_undone(restored: Lab) -> None:
    image, head, neighbour = on_vps(restored, IMAGE), on_vps(restored, HEAD), started(restored, "prometheus")
    release(restored, "2.0.0")
    ran = opsbook(*REBUILD, "--yes", "--json")
    done = json.loads(ran.out)
    assert (ran.code, done["hosts"][0]["state"]) == (0, "changed, and proven"), ran.text
    assert on_vps(restored, VERSION).strip() == "2.0.0"
    assert started(restored, "prometheus") == neighbour
    again = opsbook(*REBUILD, "--yes")
    assert (again.code, "already so, and proven" in again.err) == (0, True), again.text
    undone = opsbook("--lab", "undo", done["run"], "--yes")
    assert (undone.code, "undone, and proven" in undone.err) == (0, True), undone.text
    assert (on_vps(restored, IMAGE), on_vps(restored, HEAD)) == (image, head)


def test_a_plan_shows_what_comes_and_builds_nothing(restored: Lab) -> None:
    release(restored, "2.1.0")
    before = snapshot(restored)
    ran = opsbook(*REBUILD, "--plan")
    assert (ran.code, "then: build queue-exporter" in ran.err, "it can be built" in ran.err) == (0, True, False), ran.text
    assert f"M {CODE}" in ran.err
    assert snapshot(restored) == before


def test_a_build_that_fails_replaces_nothing(restored: Lab) -> None:
    gitserver.commit(restored, {DOCKERFILE: "FROM python:3.12-alpine\nCOPY no-such-file /\n"}, "break the build")
    before = snapshot(restored)
    ran = opsbook(*REBUILD, "--yes")
    assert (ran.code, "queue-exporter cannot be built" in ran.err) == (3, True), ran.text
    assert "no-such-file" in ran.err
    assert snapshot(restored) == before


def test_an_exporter_that_lacks_a_metric_is_undone_at_once(restored: Lab, tmp_path: Path) -> None:
    image, head = on_vps(restored, IMAGE), on_vps(restored, HEAD)
    broken = gitserver.content(restored, CODE).replace("queue_depth{{", "queue_length{{")
    gitserver.commit(restored, {CODE: broken.replace(" queue_depth ", " queue_length ")}, "rename a metric")
    ran = opsbook(*impatient(restored, tmp_path), "rebuild-exporter", "queue-exporter", "vps-i1", "--yes")
    assert (ran.code, "it lacks queue_depth" in ran.err) == (5, True), ran.text
    assert "changed, then undone, and the undo is proven" in ran.err
    assert (on_vps(restored, IMAGE), on_vps(restored, HEAD)) == (image, head)
    assert all_run(restored)


def test_without_prometheus_there_could_be_no_proof_so_nothing_is_begun(restored: Lab) -> None:
    release(restored, "2.2.0")
    breaking.break_(restored, "prometheus-down")
    before = snapshot(restored)
    ran = opsbook(*REBUILD, "--yes")
    assert (ran.code, "prometheus does not run" in ran.err) == (3, True), ran.text
    assert snapshot(restored) == before


def test_with_the_git_server_away_as_is_builds_what_was_mended_by_hand(restored: Lab) -> None:
    breaking.break_(restored, "git-server-down")
    on_vps(restored, f"sed --in-place 's/1.0.0/2.3.0/' /opt/p24-infra/{CODE}")
    refused = opsbook(*REBUILD, "--yes")
    assert refused.code == 3, refused.text
    ran = opsbook(*REBUILD, "--as-is", "--yes")
    assert (ran.code, on_vps(restored, VERSION).strip()) == (0, "2.3.0"), ran.text


def test_edits_by_hand_in_the_build_are_not_overrun(restored: Lab) -> None:
    release(restored, "2.4.0")
    on_vps(restored, f"echo '# by hand' >> /opt/p24-infra/{CODE}")
    ran = opsbook(*REBUILD, "--yes")
    assert (ran.code, CODE in ran.err, "--as-is" in ran.err) == (3, True, True), ran.text


def test_killed_at_every_step_it_is_resumed_and_nothing_stays_stopped(restored: Lab) -> None:
    release(restored, "3.0.0")
    killed, seen = killed_at_every_prompt(restored, *REBUILD)
    assert (killed, "changed, and proven" in seen) == (6, True), seen
    assert on_vps(restored, VERSION).strip() == "3.0.0"
    assert all_run(restored)


def test_killed_in_the_middle_of_the_swap_the_host_finishes_it(restored: Lab) -> None:
    release(restored, "3.1.0")
    killed_when("let the host bring up queue exporter", *REBUILD)
    assert until(lambda: states(restored).get("queue-exporter") == "running", within=30)
    ran = opsbook(*REBUILD, "--yes", "--wait", "30")
    assert (ran.code, on_vps(restored, VERSION).strip()) == (0, "3.1.0"), ran.text


def test_an_untracked_env_file_and_chosen_compose_files_do_not_hinder_the_build(restored: Lab) -> None:
    section = "    build: ./exporters/queue-exporter\n"
    with_file = gitserver.content(restored, COMPOSE).replace(section, f"{section}    env_file: [queue.env]\n")
    gitserver.commit(restored, {COMPOSE: with_file}, "an env_file")
    on_vps(restored, "cd /opt/p24-infra/monitoring && git pull --quiet --ff-only && echo A=1 > queue.env && echo 'services: {}' > more.yml")
    on_vps(restored, "cd /opt/p24-infra/monitoring && echo COMPOSE_FILE=$PWD/docker-compose.yml:$PWD/more.yml >> .env")
    release(restored, "2.5.0")
    ran = opsbook(*REBUILD, "--yes")
    assert (ran.code, on_vps(restored, VERSION).strip()) == (0, "2.5.0"), ran.text
