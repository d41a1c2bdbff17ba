from __future__ import annotations

import pytest

from opsbook.lab import breaking, gitserver
from opsbook.lab.faults import actions
from opsbook.lab.lab import Lab
from opsbook.lab.wait import until
from tests.lab.reach import VPS, on_vps
from tests.lab.reloads import asked, edit, head, kill_at_every_prompt, ran, red, run_id
from tests.lab.snapshot import snapshot

RULES = "monitoring/prometheus/rules"
FRESH = {f"{RULES}/fresh.yml": "groups:\n- name: fresh\n  rules:\n  - {alert: Fresh, expr: up == 0, for: 1m}\n"}
RELOAD = "curl --fail --silent --show-error --request POST http://127.0.0.1:9090/-/reload"
CLASHING = 'groups:\n- name: clash\n  rules:\n  - {alert: Clash, expr: "up{job=\\"prometheus\\"} * on () up > 0"}\n'


@pytest.fixture
def coming(restored: Lab) -> Lab:
    """A lab whose config repo has a rule that the server lacks."""
    gitserver.commit(restored, FRESH, "a fresh rule")
    return restored


def runs_fresh(lab: Lab) -> bool:
    groups = asked(lab, "/api/v1/rules")["data"]["groups"]
    return "fresh" in {group["name"] for group in groups}


def test_a_new_rule_runs_is_proven_and_can_be_taken_back(coming: Lab) -> None:
    old = head(coming)
    done = ran("reload-rules", VPS, "--yes")
    assert (done.code, runs_fresh(coming), head(coming)) == (0, True, gitserver.head(coming))
    assert "changed, and proven" in done.text
    undone = ran("undo", run_id(done), VPS, "--yes")
    assert (undone.code, runs_fresh(coming), head(coming)) == (0, False, old), undone.text


def test_an_undo_is_refused_when_somebody_moved_the_checkout_since(coming: Lab) -> None:
    done = ran("reload-rules", VPS, "--yes")
    actions.publish(coming, {"README.md": "moved\n"}, "a colleague's")
    later = head(coming)
    undone = ran("undo", run_id(done), VPS, "--yes")
    assert (undone.code, head(coming)) == (3, later)
    assert "moved since by somebody else" in undone.text


def test_a_rule_that_fails_when_evaluated_is_undone_and_the_old_rules_proven(coming: Lab) -> None:
    old = head(coming)
    gitserver.commit(coming, {f"{RULES}/clash.yml": CLASHING}, "a rule that cannot be evaluated")
    done = ran("reload-rules", VPS, "--yes")
    assert (done.code, runs_fresh(coming), head(coming)) == (5, False, old), done.text
    assert "many-to-many matching not allowed" in done.text


def test_a_rule_that_would_fail_only_in_an_hour_is_undone_too(coming: Lab) -> None:
    old = head(coming)
    gitserver.commit(coming, {f"{RULES}/clash.yml": CLASHING.replace("  rules", "  interval: 1h\n  rules")}, "a rule that fails in an hour")
    done = ran("reload-rules", VPS, "--yes")
    assert (done.code, runs_fresh(coming), head(coming)) == (5, False, old), done.text
    assert "many-to-many matching not allowed" in done.text
    assert "group clash is too slow to wait for (every 3600 s): 1 expression was queried instead" in done.text


REFUSALS = {
    "bad-rule": "promtool rejects what would be loaded",
    "dirty-checkout": "edited by hand",
    "diverged-history": "have diverged",
    "git-server-down": "reload-rules --as-is vps-i1",
    "empty-glob": "/etc/prometheus/rules/*.yaml (matches no file)",
    "stale-mount": "reload-rules --restart vps-i1",
    "prometheus-down": "bring-up vps-i1",
    "docker-down": "Docker does not run",
}


@pytest.mark.parametrize("fault", list(REFUSALS))
def test_a_fault_refuses_the_run_before_anything_is_changed(restored: Lab, fault: str) -> None:
    breaking.break_(restored, fault)
    before = "" if fault == "docker-down" else snapshot(restored)
    done = ran("reload-rules", VPS, "--yes")
    assert (done.code, REFUSALS[fault] in done.text) == (3, True), done.text
    assert "nothing was changed" in done.text
    assert fault == "docker-down" or snapshot(restored) == before


def test_edits_elsewhere_in_the_checkout_are_nobodys_business(coming: Lab) -> None:
    breaking.break_(coming, "dirty-checkout", "monitoring/Caddyfile")
    assert ran("reload-rules", VPS, "--yes").code == 0
    assert "edited by hand" in on_vps(coming, "cat /opt/p24-infra/monitoring/Caddyfile")


def test_as_is_loads_what_was_mended_by_hand_while_the_git_server_is_down(restored: Lab) -> None:
    breaking.break_(restored, "git-server-down")
    edit(restored, "echo 'groups: [{name: fresh, rules: [{record: a:b, expr: vector(1)}]}]' > prometheus/rules/costs.yml")
    done = ran("reload-rules", VPS, "--as-is", "--yes")
    assert (done.code, runs_fresh(restored)) == (0, True), done.text


def test_as_is_with_a_failing_rule_is_called_unproven_and_goes_on_once_it_is_mended(restored: Lab) -> None:
    edit(restored, f"cat > prometheus/rules/costs.yml <<'EOF'\n{CLASHING}EOF")
    done = ran("reload-rules", VPS, "--as-is", "--yes")
    assert (done.code, "so there is nothing to go back to" in done.text) == (4, True), done.text
    edit(restored, "git checkout --quiet .")
    again = ran("reload-rules", VPS, "--as-is", "--yes")
    assert (again.code, "going on with the unfinished run" in again.text) == (0, True), again.text


def test_what_was_pulled_by_hand_but_not_reloaded_is_loaded_and_not_called_nothing_to_do(coming: Lab) -> None:
    actions.publish(coming, {}, "")
    assert not runs_fresh(coming)
    done = ran("reload-rules", VPS, "--yes")
    assert (done.code, runs_fresh(coming)) == (0, True), done.text


def test_without_the_reload_api_a_signal_does_it(coming: Lab) -> None:
    breaking.break_(coming, "no-lifecycle")
    done = ran("reload-rules", VPS, "--yes", "--as-is")
    assert done.code == 0, done.text
    gitserver.commit(coming, {f"{RULES}/costs.yml": None}, "fewer rules")
    done = ran("reload-rules", VPS, "--yes")
    assert done.code == 0, done.text
    assert "SIGHUP instead of HTTP" in done.text


def test_with_restart_a_stale_mount_is_cured_though_the_start_is_slow(restored: Lab) -> None:
    breaking.break_(restored, "slow-start", "2")
    breaking.break_(restored, "stale-mount")
    done = ran("reload-rules", VPS, "--yes", "--restart")
    assert (done.code, "restart monitoring-prometheus-1" in done.text) == (0, True), done.text


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing(restored: Lab) -> None:
    def untrue() -> set[str]:
        return set(red(restored, "reload-rules", {"alertmanagers": ["http://alertmanager:9093"]}))

    def seen(script: str, back: str) -> set[str]:
        until("all is proven", lambda: untrue() == set(), within=40)
        edit(restored, script)
        found = untrue()
        edit(restored, back)
        return found

    same = f"git checkout --quiet . && git clean --quiet --force prometheus && {RELOAD}"
    unreadable = seen("chmod 600 prometheus/rules/costs.yml", f"chmod 644 prometheus/rules/costs.yml && {RELOAD}")
    assert unreadable == {"has_the_files_on_disk", "has_reloaded"}
    assert seen("touch prometheus/rules/costs.yml", RELOAD) == {"has_reloaded"}
    assert "runs_the_rules_on_disk" in seen("sed -i 's/for: /for: 9/' prometheus/rules/infrastructure.yml", same)
    assert "every_file_has_rules" in seen("echo 'groups: []' > prometheus/rules/void.yml", same)
    clash = f"cat > prometheus/rules/clash.yml <<'EOF'\n{CLASHING}EOF\n{RELOAD}"
    assert "evaluates_without_new_errors" in seen(clash, same)
    assert seen(f"sed -i '/^alerting:/,/^$/d' prometheus/prometheus.yml && {RELOAD}", same) >= {"still_has_an_alertmanager"}
    breaking.break_(restored, "prometheus-down")
    assert "is_ready" in red(restored, "reload-rules")


def test_killed_at_any_prompt_a_rerun_ends_proven_and_its_undo_leads_back(restored: Lab) -> None:
    assert kill_at_every_prompt(restored, "reload-rules", FRESH, lambda: runs_fresh(restored)) >= 5
