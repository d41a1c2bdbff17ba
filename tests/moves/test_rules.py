from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsbook.errors import CommandFailed, Refused
from opsbook.events import Event
from opsbook.host import Host, Result
from opsbook.moves.rules import config_path, on_disk, unlike
from opsbook.systems.container import Container, parse_containers
from opsbook.systems.prometheus import Prometheus
from opsbook.systems.rules import Group, Rule
from tests.fake import FakeTransport, fake_host
from tests.fake_docker import inspected
from tests.here import Here

RULES = "groups: [{name: up, rules: [{alert: Down, expr: 'up==0', for: 1m}]}]\n"


def container_over(folder: Path, *command: str) -> Container:
    raw = inspected("prometheus", mounts={str(folder): "/etc/prometheus"})
    raw["Config"]["Cmd"] = list(command)
    return parse_containers(Result(0, json.dumps([raw])))[0]


def configured(folder: Path, config: str, **rules: str) -> tuple[Host, Container]:
    (folder / "prometheus.yml").write_text(config)
    (folder / "rules").mkdir()
    for name, text in rules.items():
        (folder / "rules" / f"{name}.yml").write_text(text)
    return fake_host(Here()), container_over(folder)


def test_the_rules_on_disk_are_those_of_the_files_that_the_configuration_names(tmp_path: Path) -> None:
    host, container = configured(tmp_path, "global: {evaluation_interval: 15s}\nrule_files: [rules/*.yml]\n", b=RULES, a=RULES)
    found = on_disk(host, container)
    assert found.paths == ("/etc/prometheus/prometheus.yml", "/etc/prometheus/rules/a.yml", "/etc/prometheus/rules/b.yml")
    assert found.groups[0] == Group("/etc/prometheus/rules/a.yml", "up", 15, (Rule("alert", "Down", "up==0", 60),))
    assert found.without_rules() == ()


def test_another_copy_of_the_files_can_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "now").mkdir()
    (tmp_path / "next").mkdir()
    host, container = configured(tmp_path / "now", "rule_files: [rules/*.yml]\n")
    configured(tmp_path / "next", "rule_files: [rules/*.yml]\n", a=RULES)
    found = on_disk(host, container, lambda path: path.replace("/now/", "/next/"))
    assert found.files == ("/etc/prometheus/rules/a.yml",)


def test_a_pattern_without_files_and_a_file_without_rules_are_named(tmp_path: Path) -> None:
    host, container = configured(tmp_path, "rule_files: [rules/*.yml, alerts/*.yaml]\n", empty="groups: []\n", full=RULES)
    silent = on_disk(host, container).without_rules()
    assert silent == ("/etc/prometheus/alerts/*.yaml (matches no file)", "/etc/prometheus/rules/empty.yml")


def test_a_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"prometheus\.yml is missing"):
        on_disk(fake_host(Here()), container_over(tmp_path))


def test_the_configuration_is_the_one_of_the_command_line(tmp_path: Path) -> None:
    assert config_path(container_over(tmp_path, "--config.file=/etc/prometheus/other.yml")) == "/etc/prometheus/other.yml"
    assert config_path(container_over(tmp_path)) == "/etc/prometheus/prometheus.yml"


def test_only_expressions_that_differ_as_text_are_asked_of_prometheus() -> None:
    fake = FakeTransport()
    for expression, formatted in {"rate(x[60m])": "rate(x[1h])", "rate(x[1h])": "rate(x[1h])"}.items():
        fake.teach(Prometheus().formatted(expression), json.dumps({"status": "success", "data": formatted}))
    same = Rule("alert", "Same", "up == 0")
    old, new = (Group("a", "g", 1, (same, Rule("alert", "Rate", expr))) for expr in ("rate(x[60m])", "rate(x[1h])"))
    assert unlike(fake_host(fake), Prometheus(), [old], [new]) == ()
    assert len(fake.asked) == 2


OLD_ONE = Result(404, "404 page not found\n")       # Prometheus before 2.39


def alone(expression: str) -> Group:
    return Group("a", "g", 1, (Rule("alert", "Rate", expression),))


def unlike_on_an_old_one(running: str, on_disk: str) -> tuple[int, list[str]]:
    """Return how many differences there are, and what was said, where expressions cannot be formatted."""
    fake, events = FakeTransport(), list[Event]()
    for expression in (running, on_disk, "a", "b"):
        fake.teach(Prometheus().formatted(expression), OLD_ONE)
    host = fake_host(fake, events=events)
    found = unlike(host, Prometheus(), [alone(running)], [alone(on_disk)])
    unlike(host, Prometheus(), [alone("a")], [alone("b")])
    return len(found), [event.title for event in events if event.kind == "say"]


@pytest.mark.parametrize(
    ("running", "on_disk", "differences"),
    [
        ("up == 0", "up==0", 0),
        ("sum by (job) (up)", "sum  by(job) (\n  up\n)", 0),
        ('x{a="b c"}', 'x{ a = "b c" }', 0),
        ('x{a="b c"}', 'x{a="b  c"}', 1),
        ("rate(x[1h])", "rate(x[60m])", 1),
        ("a or b", "aorb", 1),
    ],
)
def test_a_prometheus_that_cannot_format_has_its_expressions_compared_without_white_space_and_says_so_once(
    running: str, on_disk: str, differences: int
) -> None:
    found, said = unlike_on_an_old_one(running, on_disk)
    assert found == differences
    assert said == ["this Prometheus cannot format expressions (that came with 2.39): their texts are compared, white space aside"]


def test_a_format_query_that_fails_otherwise_is_a_failure() -> None:
    fake = FakeTransport()
    fake.teach(Prometheus().formatted("a"), Result(500, "broken"))
    fake.teach(Prometheus().formatted("b"), Result(500, "broken"))
    with pytest.raises(CommandFailed):
        unlike(fake_host(fake), Prometheus(), [alone("a")], [alone("b")])
