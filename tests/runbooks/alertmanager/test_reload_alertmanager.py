from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsbook.errors import NotTrue, Refused
from opsbook.host import Result
from opsbook.systems.alertmanager import config_hash
from tests.fake import Untaught, a_run
from tests.repos import git
from tests.runbooks.checkout_site import FakeService, Site, site

CONFIG = "monitoring/alertmanager/alertmanager.yml"
TEMPLATE = "monitoring/alertmanager/templates/mail.tmpl"
INSIDE = "/etc/alertmanager/alertmanager.yml"
TEXT = """route: {{receiver: {receiver}}}
receivers:
- name: {receiver}
  webhook_configs: [{{url: http://sink/{secret}}}]
templates: [templates/*.tmpl]
"""
OLD, NEW = TEXT.format(receiver="old", secret="1"), TEXT.format(receiver="new", secret="2")
FILES: dict[str, str | None] = {CONFIG: OLD, TEMPLATE: "hello", "README": "hello\n"}


@dataclass
class FakeAlertmanager(FakeService):
    """Alertmanager, and its amtool, for configurations with one receiver."""

    runs: str = ""
    reports: str = ""       # a configuration that it claims to run instead

    def __post_init__(self) -> None:
        self.service, self.inside = "alertmanager", "/etc/alertmanager"
        self.answers = {"/api/v2/status": lambda _: status(re.sub(r"http://\S+}", "<secret>}", self.reports or self.runs))}

    def load(self) -> None:
        super().load()
        self.runs = self.seen(INSIDE)

    def metrics(self) -> dict[str, float]:
        return {
            "alertmanager_config_hash": config_hash(self.runs),
            "alertmanager_config_last_reload_successful": float(self.good),
            "alertmanager_config_last_reload_success_timestamp_seconds": self.at,
        }

    def judge(self, words: list[str]) -> Result:
        verdict = super().judge(words)
        if "test" not in words:
            return verdict
        return self.amtool(words, (Path(self.judged.pop()) / "alertmanager.yml").read_text())

    def tool(self, words: list[str], stdin: str) -> Result:
        return self.amtool(words, stdin if "--config.file=/dev/stdin" in words else self.seen(INSIDE))

    def amtool(self, words: list[str], config: str) -> Result:
        if words[-1] == 'no"label="x"':
            return Result(1, "", "amtool: error: Failed to parse labels")
        found = re.search(r"receiver: (\w+)", config)
        if found is None or words.count("routes") != 1:
            raise Untaught(" ".join(words))
        return Result(0, found[1] if "test" in words else f"Routing tree:\n└── default-route  receiver: {found[1]}\n")


def status(config: str) -> Result:
    return Result(200, json.dumps({"config": {"original": config}, "uptime": "2026-11-21T01:00:00Z", "versionInfo": {"version": "0.28.1"}}))


@dataclass
class AlertmanagerSite(Site):
    alertmanager: FakeAlertmanager = field(default_factory=FakeAlertmanager)


@pytest.fixture
def here(tmp_path: Path) -> AlertmanagerSite:
    made = site(tmp_path, "reload-alertmanager", FILES, lambda checkout: FakeAlertmanager(folder=checkout / "monitoring/alertmanager"))
    assert isinstance(made.service, FakeAlertmanager)
    return AlertmanagerSite(made.source, made.checkout, made.service, made.book, alertmanager=made.service)


@pytest.fixture
def coming(here: AlertmanagerSite) -> AlertmanagerSite:
    """A site whose config repo has a receiver that the host lacks."""
    here.push({CONFIG: NEW, "README": "hello again\n"})
    return here


def refusal(here: AlertmanagerSite, **params: Any) -> str:
    """Run the steps, which must refuse before any change; return the words."""
    before = here.head
    with pytest.raises(Refused) as refused:
        here.steps(**params)
    assert (here.changes, here.head, here.service.ordered) == ([], before, [])
    return str(refused.value)


def test_a_new_configuration_is_judged_merged_loaded_and_proven_in_this_order(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    assert coming.changes == [f"fast-forward {coming.checkout} to {coming.head[:10]}", "tell alertmanager to reload"]
    assert coming.false(host) == {}
    asked = [line for line in coming.service.asked if "check-config" in line or "merge --ff" in line or "/-/reload" in line]
    assert ["check-config" in asked[0], "merge" in asked[1], "POST" in asked[2]] == [True] * 3
    assert not coming.service.judged[0].startswith(str(coming.checkout))


def test_it_says_what_comes_and_which_receivers_change(coming: AlertmanagerSite) -> None:
    coming.steps()
    assert "M monitoring/alertmanager/alertmanager.yml\n" in coming.said
    assert "M README  (not applied by this run: no running container has it)" in coming.said
    assert "receiver new: none → 1 × webhook" in coming.said
    assert "receiver old: 1 × webhook → none" in coming.said


def test_a_label_set_is_routed_before_and_after(coming: AlertmanagerSite) -> None:
    coming.steps(route=("severity=critical,team=x",))
    assert "an alert with severity=critical,team=x goes to old; after the reload to new" in coming.said
    tested = [line for line in coming.service.asked if "routes test" in line]
    assert all("""'severity="critical"' 'team="x"'""" in line for line in tested)


def test_a_label_set_is_routed_when_nothing_comes_either(here: AlertmanagerSite) -> None:
    here.steps(route=("a=b",))
    assert ("an alert with a=b goes to old, before and after" in here.said, here.changes) == (True, [])


def test_labels_that_amtool_rejects_are_shown_with_its_words(here: AlertmanagerSite) -> None:
    here.steps(route=('no"label=x',))
    assert "goes to nobody: amtool: error: Failed to parse labels" in here.said


@pytest.mark.parametrize("labels", ["severity", "=x", "a=", "a=b,"])
def test_labels_that_are_none_are_a_mistake_of_usage(here: AlertmanagerSite, labels: str) -> None:
    with pytest.raises(ValueError, match="--route wants labels"):
        here.book.params(route=(labels,))


def test_with_nothing_new_nothing_is_written(here: AlertmanagerSite) -> None:
    assert here.false(here.steps()) == {}
    assert (here.changes, here.service.judged) == ([], [])


def test_what_was_pulled_by_hand_but_not_reloaded_is_judged_and_loaded(coming: AlertmanagerSite) -> None:
    git(coming.checkout, "pull", "--quiet")
    assert coming.false(coming.steps()) == {}
    assert (coming.changes, len(coming.service.judged)) == (["tell alertmanager to reload"], 1)


def test_a_changed_template_is_loaded_though_the_configuration_is_the_same(here: AlertmanagerSite) -> None:
    here.push({TEMPLATE: "hello again"})
    assert here.false(here.steps()) == {}
    assert here.service.ordered == ["reload"]


def test_a_plan_shows_both_changes_and_makes_none(coming: AlertmanagerSite) -> None:
    before = coming.head
    coming.steps(coming.host(a_run(plan=True)), route=("a=b",))
    then = [event.title for event in coming.events if event.kind == "then"]
    assert then == [f"fast-forward {coming.checkout} to {git(coming.source, 'rev-parse', 'HEAD')[:10]}", "tell alertmanager to reload"]
    assert (coming.changes, coming.head, coming.service.ordered) == ([], before, [])
    assert "after the reload to new" in coming.said


def test_a_configuration_that_amtool_rejects_is_refused_before_the_merge(coming: AlertmanagerSite) -> None:
    coming.service.verdict = Result(1, f"Checking '{INSIDE}'  FAILED: field subject not found", "amtool: error: 1 file(s)")
    words = refusal(coming)
    assert "amtool rejects what would be loaded" in words
    assert "field subject not found" in words


def test_edits_by_hand_refuse_and_as_is_loads_them(here: AlertmanagerSite) -> None:
    (here.checkout / CONFIG).write_text(NEW)
    assert "opsbook reload-alertmanager --as-is vps-i1" in refusal(here)
    assert here.false(here.steps(as_is=True), as_is=True) == {}
    assert (here.alertmanager.runs, here.changes) == (NEW, ["tell alertmanager to reload"])


def test_as_is_with_a_ref_contradicts_itself(here: AlertmanagerSite) -> None:
    with pytest.raises(ValueError, match="without --ref"):
        here.book.params(as_is=True, ref="v1")


def test_a_configuration_that_is_mounted_alone_refuses_before_the_merge_or_restarts(coming: AlertmanagerSite) -> None:
    coming.service.alone = ("alertmanager.yml",)
    coming.service.stale[INSIDE] = OLD
    words = refusal(coming)
    assert "alertmanager.yml will be replaced" in words
    assert "opsbook reload-alertmanager --restart vps-i1" in words
    assert coming.false(coming.steps(restart=True), restart=True) == {}
    assert coming.service.ordered == ["restart"]


def test_an_alertmanager_that_is_not_ready_is_refused(coming: AlertmanagerSite) -> None:
    coming.service.ready = False
    with pytest.raises(NotTrue, match="ready to take alerts"):
        coming.steps()
    assert coming.changes == []


def test_a_reload_without_effect_is_red(coming: AlertmanagerSite) -> None:
    coming.service.hears = False
    red = coming.false(coming.steps())
    assert set(red) == {"has_reloaded", "runs_the_file_on_disk", "sends_where_the_file_says"}
    assert "receiver old: 1 × webhook → none" in red["sends_where_the_file_says"].saw


def test_a_reload_that_alertmanager_itself_calls_failed_is_red(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    coming.service.good = False
    assert list(coming.false(host)) == ["has_reloaded"]


def test_another_configuration_with_the_same_routes_is_red_by_its_hash(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    coming.alertmanager.runs = NEW.replace("sink/2", "sink/3")
    assert list(coming.false(host)) == ["runs_the_file_on_disk"]


def test_reported_routes_that_are_not_those_of_the_file_are_red(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    coming.alertmanager.reports = NEW.replace("{receiver: new}", "{receiver: old}")
    seen = coming.false(host)["sends_where_the_file_says"]
    assert "default-route  receiver: old" in seen.saw


def test_reported_receivers_that_are_not_those_of_the_file_are_red(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    coming.alertmanager.reports = NEW.replace("webhook_configs", "slack_configs")
    assert "receiver new: 1 × slack → 1 × webhook" in coming.false(host)["sends_where_the_file_says"].saw


def test_a_container_that_sees_another_file_is_red(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    coming.service.stale["/etc/alertmanager/templates/mail.tmpl"] = "old"
    assert list(coming.false(host)) == ["has_the_files_on_disk"]


def test_an_alertmanager_that_is_not_ready_afterwards_is_red(coming: AlertmanagerSite) -> None:
    host = coming.steps()
    coming.service.ready = False
    assert list(coming.false(host)) == ["is_ready"]


def test_the_undo_goes_back_and_reloads(coming: AlertmanagerSite) -> None:
    old, host = coming.head, coming.steps()
    coming.undo(host)
    assert (coming.head, coming.alertmanager.runs, coming.false(host)) == (old, OLD, {})
    writes = len(coming.changes)
    coming.undo(host)
    assert len(coming.changes) == writes
