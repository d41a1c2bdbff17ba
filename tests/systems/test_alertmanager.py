from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.alertmanager import (
    CONFIG_HASH,
    RELOADED,
    Alertmanager,
    check_config,
    config_hash,
    parse_receivers,
    parse_route_test,
    parse_status,
    route_test,
)
from opsbook.systems.metrics import metric
from opsbook.web import Request
from tests.systems.captured import captured


def test_the_hash_it_tells_is_that_of_the_file_it_runs() -> None:
    page = captured("alertmanager_metrics.txt").out
    assert metric(page, CONFIG_HASH) == config_hash(captured("alertmanager.yml").out)
    assert metric(page, CONFIG_HASH) != config_hash(captured("alertmanager.yml").out + "\n")


def test_a_rejected_configuration_is_seen_in_its_metrics() -> None:
    assert metric(captured("alertmanager_metrics.txt").out, RELOADED) == 0     # captured after one


def test_the_status_tells_configuration_start_and_version() -> None:
    status = parse_status(captured("alertmanager_status.json"))
    assert (status.version, status.started > 1_700_000_000) == ("0.28.1+ds", True)
    assert "url: <secret>" in status.config


def test_receivers_are_read_in_the_order_they_are_notified() -> None:
    assert parse_receivers(Result(200, '[{"name":"email"},{"name":"pager"}]')) == ("email", "pager")
    assert parse_route_test(captured("amtool_routes_test.txt")) == ("pager",)
    assert parse_route_test(Result(0, "pager,email\n")) == ("pager", "email")
    assert parse_route_test(Result(0, "time=… level=WARN msg=…\npager\n")) == ("pager",)


def test_amtool_is_asked_with_labels_as_single_arguments() -> None:
    assert check_config("/a b.yml") == ("amtool", "check-config", "/a b.yml")
    assert route_test("/a.yml", {"severity": "critical", "team": "a b"}) == (
        "amtool", "config", "routes", "test", "--config.file=/a.yml", 'severity="critical"', 'team="a b"',
    )  # fmt: skip


def test_a_reload_is_a_post() -> None:
    assert Alertmanager("am").reload().do == Request("am", "/-/reload", method="POST")
