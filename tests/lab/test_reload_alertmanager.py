from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.lab import breaking, gitserver
from opsbook.lab.lab import Lab
from tests.lab.process import Terminal
from tests.lab.reach import VPS
from tests.lab.reloads import asked, edit, head, kill_at_every_prompt, ran, red, run_id
from tests.lab.snapshot import snapshot

NAME = "reload-alertmanager"
CONFIG = "monitoring/alertmanager/alertmanager.yml"
TREE = Path(__file__).parents[2] / "opsbook/lab/p24/repo"
OLD = (TREE / CONFIG).read_text()
TEAM = "    - matchers: [team = blue]\n      receiver: pager\n"
NEW = OLD.replace("  routes:\n", "  routes:\n" + TEAM, 1)
BAD = OLD.replace("      - to: ops@mail.invalid\n", "      - to: ops@mail.invalid\n        subject: hello\n", 1)


@pytest.fixture
def coming(restored: Lab) -> Lab:
    """A lab whose config repo routes a team's alerts that the server does not."""
    gitserver.commit(restored, {CONFIG: NEW}, "page team blue")
    return restored


def pages_blue(lab: Lab) -> bool:
    return "blue" in asked(lab, "/api/v2/status", 9093)["config"]["original"]


def test_a_new_route_is_shown_runs_is_proven_and_can_be_taken_back(coming: Lab) -> None:
    old = head(coming)
    done = ran(NAME, "--route", "team=blue", "--route", "severity=critical,team=red", VPS, "--yes")
    assert (done.code, pages_blue(coming)) == (0, True), done.text
    assert "team=blue goes to email; after the reload to pager" in done.text
    assert "severity=critical,team=red goes to pager, before and after" in done.text
    again = ran(NAME, VPS, "--yes")
    assert (again.code, "already so, and proven" in again.text) == (0, True), again.text
    undone = ran("undo", run_id(done), VPS, "--yes")
    assert (undone.code, pages_blue(coming), head(coming)) == (0, False, old), undone.text


def test_a_plan_routes_too_and_changes_nothing(coming: Lab) -> None:
    before = snapshot(coming)
    planned = ran(NAME, "--route", "team=blue", VPS, "--plan")
    assert (planned.code, "after the reload to pager" in planned.text) == (0, True), planned.text
    assert snapshot(coming) == before


def test_a_field_that_alertmanager_does_not_know_is_refused_before_anything_is_changed(restored: Lab) -> None:
    gitserver.commit(restored, {CONFIG: BAD}, "a subject where none belongs")
    before = snapshot(restored)
    done = ran(NAME, VPS, "--yes")
    assert (done.code, "field subject not found" in done.text) == (3, True), done.text
    assert snapshot(restored) == before


def test_a_stale_mount_refuses_and_is_cured_by_restart(restored: Lab) -> None:
    breaking.break_(restored, "stale-mount", "alertmanager")
    before = snapshot(restored)
    refused = ran(NAME, VPS, "--yes")
    assert (refused.code, f"{NAME} --restart {VPS}" in refused.text) == (3, True), refused.text
    assert snapshot(restored) == before
    done = ran(NAME, VPS, "--restart", "--yes")
    assert (done.code, "restart monitoring-alertmanager-1" in done.text) == (0, True), done.text


def test_an_edit_by_hand_refuses_and_as_is_loads_it(restored: Lab) -> None:
    breaking.break_(restored, "dirty-checkout", CONFIG)
    assert "edited by hand" in ran(NAME, VPS, "--yes").text
    done = ran(NAME, VPS, "--as-is", "--yes")
    assert (done.code, "changed, and proven" in done.text) == (0, True), done.text


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing(restored: Lab) -> None:
    assert red(restored, NAME) == {}

    def seen(script: str) -> set[str]:
        edit(restored, script)
        found = set(red(restored, NAME))
        edit(restored, "git checkout --quiet . && chmod 644 alertmanager/alertmanager.yml")
        edit(restored, "curl -fsS -X POST http://127.0.0.1:9093/-/reload")
        return found

    assert seen("chmod 600 alertmanager/alertmanager.yml") == {"has_the_files_on_disk", "has_reloaded", "sends_where_the_file_says"}
    assert seen("touch alertmanager/alertmanager.yml") == {"has_reloaded"}
    assert seen("echo '# a comment' >> alertmanager/alertmanager.yml") == {"has_reloaded", "runs_the_file_on_disk"}
    assert "sends_where_the_file_says" in seen("sed -i 's/receiver: pager/receiver: email/' alertmanager/alertmanager.yml")
    breaking.break_(restored, "crash-loop")
    assert "is_ready" in red(restored, NAME)


def test_of_two_operators_one_gets_7_and_the_other_operators_name(coming: Lab) -> None:
    first = Terminal(("--lab", NAME, VPS)).start()
    assert first.prompt(), first.seen
    second = ran(NAME, VPS, "--yes")
    assert (second.code, f"{NAME} since" in second.text) == (7, True), second.text
    first.answer("y")
    assert first.end() == 0, first.seen


def test_killed_at_any_prompt_a_rerun_ends_proven_and_its_undo_leads_back(restored: Lab) -> None:
    assert kill_at_every_prompt(restored, NAME, {CONFIG: NEW}, lambda: pages_blue(restored)) >= 5
