from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsbook.check import Seen, look_once
from opsbook.errors import NotTrue, Refused
from opsbook.host import Host, Result
from opsbook.runbook import folders, load, pages
from opsbook.systems.rules import Group, parse_rule_file
from tests.fake import a_run
from tests.repos import git
from tests.runbooks.checkout_site import FakeService, Site, site

CONFIG = "monitoring/prometheus/prometheus.yml"
OLD = "monitoring/prometheus/rules/old.yml"
NEW = "monitoring/prometheus/rules/new.yml"
RULE = "groups:\n- name: {name}\n  rules:\n  - {{alert: {name}, expr: up == 0}}\n"
FILES: dict[str, str | None] = {
    CONFIG: "global: {evaluation_interval: 1s}\nrule_files: [rules/*.yml]\n",
    OLD: RULE.format(name="Old"),
    "README": "hello\n",
}


@dataclass
class FakePrometheus(FakeService):
    """Prometheus as far as its rules go."""

    groups: tuple[Group, ...] = ()
    health: dict[str, str] = field(default_factory=dict)        # of rules that are not ok
    lifecycle: str = "true"
    wrong: dict[str, Result] = field(default_factory=dict)      # answers to queries that do not end well
    queries: list[str] = field(default_factory=list)
    alertmanagers: tuple[str, ...] = ("http://alertmanager:9093/api/v2/alerts",)

    def __post_init__(self) -> None:
        self.service, self.inside = "prometheus", "/etc/prometheus"
        self.answers = {
            "/api/v1/rules": lambda _: data({"groups": [told(group, self.health) for group in self.groups]}),
            "/api/v1/alertmanagers": lambda _: data({"activeAlertmanagers": [{"url": url} for url in self.alertmanagers]}),
            "/api/v1/status/flags": lambda _: data({"web.enable-lifecycle": self.lifecycle}),
            "/api/v1/query": lambda request: self.queried(dict(request.query)["query"]),
            "/api/v1/format_query": lambda request: data(dict(request.query)["query"]),
        }

    def queried(self, expression: str) -> Result:
        self.queries.append(expression)
        return self.wrong.get(expression) or data({"resultType": "vector", "result": []})

    def load(self) -> None:
        super().load()
        paths = [f"/etc/prometheus/rules/{path.name}" for path in sorted(self.folder.glob("rules/*.yml"))]
        self.groups = tuple(group for path in paths for group in parse_rule_file(self.seen(path), path, 1))

    def metrics(self) -> dict[str, float]:
        return {
            "prometheus_config_last_reload_successful": float(self.good),
            "prometheus_config_last_reload_success_timestamp_seconds": self.at,
        }


def data(value: Any) -> Result:
    return Result(200, json.dumps({"status": "success", "data": value}))


def told(group: Group, health: dict[str, str]) -> dict[str, Any]:
    rules = [
        {"type": "alerting", "name": rule.name, "query": rule.expr, "health": health.get(rule.name, "ok"), "lastError": "many-to-many"}
        for rule in group.rules
    ]
    return {"file": group.file, "name": group.name, "interval": group.interval, "rules": rules}


@dataclass
class PrometheusSite(Site):
    prometheus: FakePrometheus = field(default_factory=FakePrometheus)


@pytest.fixture
def here(tmp_path: Path) -> PrometheusSite:
    made = site(tmp_path, "reload-rules", FILES, lambda checkout: FakePrometheus(folder=checkout / "monitoring/prometheus"))
    assert isinstance(made.service, FakePrometheus)
    return PrometheusSite(made.source, made.checkout, made.service, made.book, prometheus=made.service)


@pytest.fixture
def coming(here: PrometheusSite) -> PrometheusSite:
    """A site whose config repo has a rule that the host lacks."""
    here.push({NEW: RULE.format(name="New"), "README": "hello again\n"})
    return here


def refusal(here: PrometheusSite, **params: Any) -> str:
    """Run the steps, which must refuse before any change; return the words."""
    before = here.head
    with pytest.raises(Refused) as refused:
        here.steps(**params)
    assert (here.changes, here.head, here.prometheus.ordered) == ([], before, [])
    return str(refused.value)


def test_a_new_rule_is_judged_merged_loaded_and_proven_in_this_order(coming: PrometheusSite) -> None:
    host = coming.steps()
    assert coming.changes == [f"fast-forward {coming.checkout} to {coming.head[:10]}", "tell prometheus to reload"]
    assert coming.head == git(coming.source, "rev-parse", "HEAD")
    assert coming.false(host) == {}
    asked = [line for line in coming.service.asked if "promtool" in line or "merge --ff" in line or "/-/reload" in line]
    assert ["promtool" in asked[0], "merge" in asked[1], "POST" in asked[2]] == [True] * 3


def test_the_judge_sees_the_incoming_tree_and_not_the_checkout(coming: PrometheusSite) -> None:
    coming.steps()
    assert coming.service.judged[0].endswith("/monitoring/prometheus")
    assert not coming.service.judged[0].startswith(str(coming.checkout))


def test_it_says_what_comes_what_changes_and_what_it_does_not_apply(coming: PrometheusSite) -> None:
    coming.steps()
    assert "A monitoring/prometheus/rules/new.yml\n" in coming.said
    assert "rules: added alert New in group New of /etc/prometheus/rules/new.yml" in coming.said
    assert "M README  (not applied by this run: no running container has it)" in coming.said


def test_with_nothing_new_nothing_is_written(here: PrometheusSite) -> None:
    assert here.false(here.steps()) == {}
    assert (here.changes, here.service.judged) == ([], [])


def test_what_was_pulled_by_hand_but_not_reloaded_is_judged_and_loaded(coming: PrometheusSite) -> None:
    git(coming.checkout, "pull", "--quiet")
    assert coming.false(coming.steps()) == {}
    assert (coming.changes, len(coming.service.judged)) == (["tell prometheus to reload"], 1)


def test_a_removed_rule_is_loaded_though_no_file_on_disk_is_younger(here: PrometheusSite) -> None:
    here.push({NEW: RULE.format(name="New")})
    here.steps()
    here.push({NEW: None})
    assert here.false(here.steps()) == {}
    assert [group.name for group in here.prometheus.groups] == ["Old"]


def test_a_plan_shows_both_changes_and_makes_none(coming: PrometheusSite) -> None:
    before = coming.head
    coming.steps(coming.host(a_run(plan=True)))
    then = [event.title for event in coming.events if event.kind == "then"]
    assert then == [f"fast-forward {coming.checkout} to {git(coming.source, 'rev-parse', 'HEAD')[:10]}", "tell prometheus to reload"]
    assert (coming.changes, coming.head, coming.prometheus.ordered) == ([], before, [])


def test_a_tree_that_promtool_rejects_is_refused_before_the_merge(coming: PrometheusSite) -> None:
    coming.service.verdict = Result(1, "Checking rules/new.yml\n  FAILED: could not parse expression")
    assert "FAILED: could not parse expression" in refusal(coming)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({CONFIG: "rule_files: [rules/*.yaml]\n"}, "/etc/prometheus/rules/*.yaml (matches no file)"),
        ({NEW: "groups: []\n"}, "/etc/prometheus/rules/new.yml"),
    ],
)
def test_a_pattern_or_file_without_a_rule_is_refused(here: PrometheusSite, files: dict[str, str | None], names: str) -> None:
    here.push(files)
    assert names in refusal(here)


def test_a_prometheus_that_is_down_or_never_ready_is_refused(coming: PrometheusSite) -> None:
    coming.service.ready = False
    with pytest.raises(NotTrue, match="still reads its write-ahead log"):
        coming.steps()
    coming.service.running = False
    assert "opsbook bring-up vps-i1" in refusal(coming)


def test_a_slow_start_is_waited_for(here: PrometheusSite) -> None:
    host = here.host()
    here.service.ready = False
    real_pause = host.pause

    def pause(seconds: float) -> None:
        here.service.ready = host.clock() > 1005
        real_pause(seconds)

    host.pause = pause
    here.steps(host)
    assert host.clock() > 1005


def test_edits_by_hand_refuse_only_where_they_concern_this_run(coming: PrometheusSite) -> None:
    (coming.checkout / OLD).write_text(RULE.format(name="Edited"))
    assert "opsbook reload-rules --as-is vps-i1" in refusal(coming)
    git(coming.checkout, "checkout", "--quiet", ".")
    (coming.checkout / "other").write_text("nobody minds\n")
    assert coming.false(coming.steps()) == {}


def test_as_is_loads_an_edit_by_hand_without_asking_the_git_server(here: PrometheusSite) -> None:
    (here.checkout / OLD).write_text(RULE.format(name="Edited"))
    here.source.rename(here.source.with_name("gone"))
    assert here.false(here.steps(as_is=True), as_is=True) == {}
    assert ([group.name for group in here.prometheus.groups], here.changes) == (["Edited"], ["tell prometheus to reload"])
    assert here.service.judged == [str(here.service.folder)]


def test_a_git_server_that_is_down_is_refused_with_the_way_around_it(here: PrometheusSite) -> None:
    here.source.rename(here.source.with_name("gone"))
    words = refusal(here)
    assert "the config repo cannot be fetched" in words
    assert "opsbook reload-rules --as-is vps-i1" in words


def test_as_is_with_a_ref_contradicts_itself(here: PrometheusSite) -> None:
    with pytest.raises(ValueError, match="without --ref"):
        here.book.params(as_is=True, ref="v1")


def test_a_file_that_is_mounted_alone_and_will_be_replaced_refuses_before_the_merge(here: PrometheusSite) -> None:
    here.service.alone = ("rules/old.yml",)
    here.push({OLD: RULE.format(name="Newer")})
    words = refusal(here, ref="main")
    assert "old.yml will be replaced" in words
    assert "opsbook reload-rules --ref=main --restart vps-i1" in words


def test_a_container_that_has_an_old_file_already_refuses_too(coming: PrometheusSite) -> None:
    coming.service.stale["/etc/prometheus/rules/old.yml"] = RULE.format(name="Older")
    assert "old.yml has been replaced" in refusal(coming)


def test_with_restart_what_a_reload_would_not_see_is_restarted(coming: PrometheusSite) -> None:
    coming.service.stale["/etc/prometheus/rules/old.yml"] = RULE.format(name="Older")
    assert coming.false(coming.steps(restart=True), restart=True) == {}
    assert coming.changes[1:] == ["restart monitoring-prometheus-1"]


def test_a_plan_with_restart_shows_the_restart(here: PrometheusSite) -> None:
    here.service.alone = ("rules/old.yml",)
    here.push({OLD: RULE.format(name="Newer")})
    here.steps(here.host(a_run(plan=True)), restart=True)
    assert [event.title for event in here.events if event.kind == "then"][1:] == ["restart monitoring-prometheus-1"]


def test_without_the_reload_api_it_sends_a_signal_and_says_why(coming: PrometheusSite) -> None:
    coming.prometheus.lifecycle = "false"
    assert coming.false(coming.steps()) == {}
    assert coming.prometheus.ordered == ["kill"]
    assert "SIGHUP instead of HTTP, because Prometheus runs without --web.enable-lifecycle" in coming.said


def test_a_reload_without_effect_is_red(coming: PrometheusSite) -> None:
    coming.service.hears = False
    red = coming.false(coming.steps())
    assert set(red) == {"has_reloaded", "runs_the_rules_on_disk"}
    assert "on disk but not running: alert New in group New" in red["runs_the_rules_on_disk"].saw
    assert "BEFORE the files changed" in red["has_reloaded"].saw


def test_a_reload_that_prometheus_itself_calls_failed_is_red(coming: PrometheusSite) -> None:
    host = coming.steps()
    coming.service.good = False
    assert "FAILED" in coming.false(host)["has_reloaded"].saw


def test_a_file_that_changes_behind_the_reload_is_red(coming: PrometheusSite) -> None:
    host = coming.steps()
    path = coming.checkout / OLD
    later = path.with_name("later")
    later.write_text(path.read_text().replace("up == 0", "up == 1"))
    os.utime(later, (0, 0))
    later.rename(path)      # neither its age nor its time of writing betrays it
    assert set(coming.false(host)) == {"has_reloaded", "runs_the_rules_on_disk"}


def test_a_container_that_sees_another_file_is_red(coming: PrometheusSite) -> None:
    host = coming.steps()
    coming.service.stale["/etc/prometheus/rules/new.yml"] = "groups: []\n"
    red = coming.false(host)
    assert red["has_the_files_on_disk"].saw == "/etc/prometheus/rules/new.yml: another file than on the host"
    assert red["has_the_files_on_disk"].next == "opsbook reload-rules --restart vps-i1"


def test_a_new_rule_that_fails_is_red_at_once_and_an_old_one_is_only_named(coming: PrometheusSite) -> None:
    coming.prometheus.health = {"Old": "err"}
    host = coming.steps()
    assert coming.false(host) == {}
    coming.prometheus.health = {"Old": "err", "New": "err"}
    seen = coming.false(host)["evaluates_without_new_errors"]
    assert seen.final
    assert "alert New in group New of /etc/prometheus/rules/new.yml: many-to-many" in seen.saw
    assert "had an error before, too: alert Old" in seen.saw


def test_a_changed_rule_that_failed_before_is_named_and_not_held_against_the_run(here: PrometheusSite) -> None:
    here.prometheus.health = {"Old": "err"}
    here.push({OLD: RULE.format(name="Old").replace("up == 0", "up == 1")})
    assert here.false(here.steps()) == {}


def proof_of_evaluation(here: PrometheusSite, host: Host) -> Seen:
    return look_once(host, next(check for check in here.book.proof if check.__name__ == "evaluates_without_new_errors"), here.book.params())


def test_a_group_that_is_never_evaluated_is_red(coming: PrometheusSite) -> None:
    coming.prometheus.health = {"New": "unknown"}
    host = coming.steps()
    assert "group New is not evaluated yet (every 1 s)" in coming.false(host)["evaluates_without_new_errors"].saw
    assert coming.prometheus.queries == []


@pytest.fixture
def slow(here: PrometheusSite) -> PrometheusSite:
    """A site whose config repo has a rule that is evaluated once an hour, so not while we wait."""
    here.push({NEW: RULE.format(name="New").replace("  rules", "  interval: 1h\n  rules")})
    here.prometheus.health = {"New": "unknown"}
    return here


def test_the_expressions_of_a_group_that_is_too_slow_to_wait_for_are_asked_once_by_a_query(slow: PrometheusSite) -> None:
    host = slow.steps()
    assert slow.false(host) == {}
    seen = proof_of_evaluation(slow, host)
    assert "group New is too slow to wait for (every 3600 s): 1 expression was queried instead" in seen.saw
    assert "all evaluated" not in seen.saw
    assert slow.prometheus.queries == ["up == 0"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Result(422, '{"status":"error","errorType":"execution","error":"many-to-many matching not allowed"}'), "many-to-many matching"),
        (Result(400, '{"status":"error","errorType":"bad_data","error":"unexpected end of input"}'), "unexpected end of input"),
        (Result(503, '{"status":"error","errorType":"timeout","error":"query timed out"}'), "query timed out"),
        (data({"resultType": "matrix", "result": []}), "it gives a matrix"),
    ],
)
def test_a_broken_expression_in_a_group_that_is_too_slow_to_wait_for_is_red_at_once(
    slow: PrometheusSite, answer: Result, error: str
) -> None:
    slow.prometheus.wrong["up == 0"] = answer
    host = slow.steps()
    seen = slow.false(host)["evaluates_without_new_errors"]
    assert seen.final
    assert f"alert New in group New of /etc/prometheus/rules/new.yml: {error}" in seen.saw
    assert slow.prometheus.queries == ["up == 0"]


def test_a_slow_rule_that_failed_before_is_named_and_not_held_against_the_run(slow: PrometheusSite) -> None:
    slow.steps()
    slow.prometheus.health = {"New": "err"}
    slow.push({NEW: RULE.format(name="New").replace("  rules", "  interval: 2h\n  rules")})
    host = slow.steps()
    slow.prometheus.health, slow.prometheus.wrong = {"New": "unknown"}, {"up == 0": Result(422, '{"error":"many-to-many"}')}
    assert slow.false(host) == {}
    assert "had an error before, too: alert New" in proof_of_evaluation(slow, host).saw


def test_a_prometheus_that_forgets_its_alertmanager_is_red(coming: PrometheusSite) -> None:
    host = coming.steps()
    coming.prometheus.alertmanagers = ()
    assert list(coming.false(host)) == ["still_has_an_alertmanager"]


def test_a_prometheus_that_is_not_ready_afterwards_is_red(coming: PrometheusSite) -> None:
    host = coming.steps()
    coming.service.ready = False
    assert list(coming.false(host)) == ["is_ready"]


def test_an_empty_rule_set_is_never_proven(here: PrometheusSite) -> None:
    host = here.steps()
    (here.checkout / OLD).write_text("groups: []\n")
    here.prometheus.load()
    assert {"runs_the_rules_on_disk", "every_file_has_rules"} <= set(here.false(host))


def test_the_undo_goes_back_and_reloads(coming: PrometheusSite) -> None:
    old, host = coming.head, coming.steps()
    coming.undo(host)
    assert (coming.head, [group.name for group in coming.prometheus.groups], coming.false(host)) == (old, ["Old"], {})
    writes = len(coming.changes)
    coming.undo(host)
    assert len(coming.changes) == writes


def test_the_undo_refuses_when_somebody_moved_the_checkout_since(coming: PrometheusSite) -> None:
    host = coming.steps()
    later = coming.push({OLD: RULE.format(name="Later")})
    git(coming.checkout, "pull", "--quiet")
    with pytest.raises(Refused, match="moved since by somebody else"):
        coming.undo(host)
    assert coming.head == later


def test_there_is_nothing_to_go_back_to_after_as_is(here: PrometheusSite) -> None:
    with pytest.raises(Refused, match="nothing to go back to"):
        here.undo(here.steps(as_is=True), as_is=True)
    for book in (here.book, load(pages(folders(None))["reload-alertmanager"])):
        assert [book.offers_undo({}, book.params(as_is=as_is)) for as_is in (True, False)] == [False, True]

