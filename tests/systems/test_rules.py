from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opsbook.errors import CommandFailed
from opsbook.systems.rule_changes import Difference, differences
from opsbook.systems.rules import Group, Rule, expressions, parse_rule_file, parse_rules, with_expressions
from tests.systems.captured import DATA, captured

FORMATTED: dict[str, str] = json.loads((DATA / "formatted.json").read_text())
PATHS = sorted((DATA / "rules").glob("*.yml"))
RUNNING = parse_rules(captured("prometheus_rules.json"))
ON_DISK = tuple(group for path in PATHS for group in parse_rule_file(path.read_text(), f"/etc/prometheus/rules/{path.name}", 1))


def group(*rules: Rule) -> Group:
    return Group("a.yml", "g", 60, rules)


UP = Rule("alert", "Down", "up == 0", 60, 0, (("severity", "critical"),), (("summary", "down"),))


def test_the_rules_that_run_are_those_on_disk_once_their_expressions_are_written_alike() -> None:
    assert differences(with_expressions(RUNNING, FORMATTED), with_expressions(ON_DISK, FORMATTED)) == ()
    assert len(RUNNING) == 10


def test_without_that_only_expressions_differ() -> None:
    assert {change.fields for change in differences(RUNNING, ON_DISK)} == {("expr",)}


def test_every_expression_of_disk_and_memory_is_known() -> None:
    assert expressions(RUNNING) | expressions(ON_DISK) == FORMATTED.keys()


def test_a_running_rule_tells_its_health_and_error() -> None:
    failing = next(group for group in RUNNING if group.name == "failing")
    assert [rule.health for rule in failing.rules] == ["err", "ok", "ok"]
    assert failing.rules[0].error.startswith("found duplicate series")
    assert failing.evaluated > failing.rules[0].evaluated - 1 > 1_700_000_000


def test_durations_merge_keys_and_texts_are_read_as_prometheus_reads_them() -> None:
    recorded, failing = (next(group for group in ON_DISK if group.name == name) for name in ("recorded", "failing"))
    assert (recorded.interval, recorded.limit, recorded.rules[0].labels) == (5400, 50, (("level", "1"), ("scope", "yes")))
    assert (failing.rules[0].hold, failing.rules[0].keep_firing_for) == (3600, 600)
    assert failing.rules[2].labels == (("severity", "critical"), ("team", "ops"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expr": "up == 1"}, "expr"),
        ({"hold": 120.0}, "for"),
        ({"keep_firing_for": 1.0}, "keep_firing_for"),
        ({"labels": ()}, "labels"),
        ({"annotations": (("summary", "other"),)}, "annotations"),
    ],
)
def test_a_change_of_any_field_of_a_rule_is_seen_and_named(change: dict[str, object], field: str) -> None:
    assert differences([group(UP)], [group(replace(UP, **change))]) == (  # type: ignore[arg-type]
        Difference("changed", "a.yml", "g", "alert Down", (field,)),
    )


@pytest.mark.parametrize(("change", "field"), [({"interval": 30.0}, "interval"), ({"limit": 3}, "limit")])
def test_a_change_of_a_group_is_seen_and_named(change: dict[str, object], field: str) -> None:
    changed = replace(group(UP), **change)  # type: ignore[arg-type]
    assert differences([group(UP)], [changed]) == (Difference("changed", "a.yml", "g", fields=(field,)),)


def test_added_and_removed_rules_and_groups_are_named() -> None:
    other = replace(UP, name="Other")
    assert [str(change) for change in differences([group(UP)], [group(other)])] == [
        "added alert Other in group g of a.yml",
        "removed alert Down in group g of a.yml",
    ]
    assert [str(change) for change in differences([], [group(UP)])] == ["added group g of a.yml", "added alert Down in group g of a.yml"]
    assert [change.kind for change in differences([group(UP)], [])] == ["removed", "removed"]


def test_two_rules_of_one_name_are_told_apart() -> None:
    warning = replace(UP, labels=(("severity", "warning"),))
    assert differences([group(UP, warning)], [group(UP, replace(warning, hold=1))]) == (
        Difference("changed", "a.yml", "g", "alert Down", ("for",)),
    )


def test_another_order_is_a_difference_because_recorded_values_build_on_each_other() -> None:
    other = replace(UP, name="Other")
    assert differences([group(UP, other)], [group(other, UP)]) == (Difference("changed", "a.yml", "g", fields=("order of rules",)),)


def test_health_alone_is_no_difference() -> None:
    assert differences([group(UP)], [group(replace(UP, health="err", error="x", evaluated=5.0))]) == ()


def test_an_offset_counts_only_where_both_sides_tell_it() -> None:
    assert differences([replace(group(UP), offset=5)], [group(UP)]) == ()
    assert differences([replace(group(UP), offset=5)], [replace(group(UP), offset=6)])[0].fields == ("query_offset",)


def test_labels_of_a_group_belong_to_its_rules() -> None:
    text = "groups: [{name: g, labels: {team: ops, tier: '1'}, rules: [{record: a, expr: '1', labels: {tier: '2'}}]}]"
    assert parse_rule_file(text, "a.yml", 60)[0].rules[0].labels == (("team", "ops"), ("tier", "2"))


@pytest.mark.parametrize("text", ["groups: [", "- a", "groups: [{rules: []}]", "groups: [{name: g, rules: [{alert: A, expr: 1, for: x}]}]"])
def test_what_is_no_rule_file_is_named(text: str) -> None:
    with pytest.raises(CommandFailed, match=r"rules/a\.yml is no"):
        parse_rule_file(text, "rules/a.yml", 60)


def test_an_empty_file_has_no_groups() -> None:
    assert parse_rule_file("", "a.yml", 60) == parse_rule_file("groups:\n", "a.yml", 60) == ()
