from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from opsbook.check import Seen
from opsbook.errors import CommandFailed, Refused
from opsbook.host import Result
from opsbook.moves import whole_stack
from tests.fake import a_run
from tests.fake_docker import inspected
from tests.runbooks.fake_stack import FakeStack
from tests.runbooks.stack_site import Site


def site(here: FakeStack | None = None, *, plan: bool = False) -> Site:
    return Site("bring-up", {}, here or FakeStack(), run=a_run(plan=plan))


def half() -> FakeStack:
    """One service is missing, one stopped, one has other settings than its file."""
    here = FakeStack()
    del here.containers["loki"]
    here.containers["prometheus"]["State"] = inspected("prometheus", status="exited")["State"]
    here.environment["alertmanager"] = {"MODE": "second"}
    return here


def ended(code: int = 0, **settings: Any) -> FakeStack:
    """A stack with a container that has ended, of a service with these settings."""
    here = FakeStack()
    here.add("migrate", **settings)["State"] |= {"Status": "exited", "ExitCode": code, "Health": None}
    return here


def stack_checks(made: Site) -> set[str]:
    """Return what is not true of containers and files; what the services do is tested with the moves."""
    return set(made.false("runs_what_the_files_say", "every_service_is_healthy", "no_service_restarts"))


def test_what_is_missing_stopped_or_changed_is_named_and_brought_up() -> None:
    made = site(half()).steps()
    assert "loki has no container" in made.said
    assert "prometheus is exited (1)" in made.said
    assert "alertmanager differs in environment MODE" in made.said
    assert made.changes[1:2] == ["bring up the whole stack"]
    assert (stack_checks(made), made.here.debts) == (set(), {})


def test_a_stack_that_is_up_is_left_alone() -> None:
    made = site().steps()
    assert made.changes == []
    assert "already so: Every service runs" in made.said


def test_a_one_shot_that_ended_well_needs_nothing_and_is_well() -> None:
    made = site(ended(restart="no")).steps()
    assert (made.changes, stack_checks(made)) == ([], set())


def test_what_another_service_waited_for_may_have_ended_well() -> None:
    here = ended()
    here.compose["loki"] = {"depends_on": {"migrate": {"condition": "service_completed_successfully", "required": True}}}
    made = site(here).steps()
    assert (made.changes, stack_checks(made)) == ([], set())


@pytest.mark.parametrize(
    ("here", "says"),
    [
        (ended(1, restart="no"), "migrate is exited (1)"),
        (ended(), "migrate is exited (0)"),
        (ended(restart="always"), "migrate is exited (0)"),
    ],
)
def test_what_ended_with_an_error_or_was_not_meant_to_end_is_started(here: FakeStack, says: str) -> None:
    assert says in site(here).false("runs_what_the_files_say")["runs_what_the_files_say"].saw


@pytest.mark.parametrize(
    ("state", "saw"),
    [
        ({"Status": "exited", "ExitCode": 3}, "grafana is exited (3)"),
        ({"Status": "restarting", "Health": None}, "grafana is restarting (0)"),
        ({"Health": {"Status": "unhealthy", "Log": [{"Output": "no database"}]}}, "grafana is running (unhealthy): no database"),
    ],
)
def test_a_service_that_only_the_compose_file_knows_must_be_healthy_too(state: dict[str, Any], saw: str) -> None:
    here = FakeStack()
    here.add("grafana")["State"] |= state
    assert site(here).false("every_service_is_healthy")["every_service_is_healthy"].saw.startswith(saw)


def test_a_service_that_only_the_compose_file_knows_must_run_where_it_has_no_health_check() -> None:
    here = FakeStack()
    here.add("grafana")["State"]["Health"] = None
    assert stack_checks(site(here)) == set()
    del here.containers["grafana"]
    assert site(here).false("every_service_is_healthy")["every_service_is_healthy"].saw.startswith("grafana has no container")


def change_while_watched(here: FakeStack, change: Callable[[], None]) -> Seen | None:
    """Let this happen while the stack is watched; return what was seen if that is red."""
    made = site(here)
    host = made.host
    pause = host.pause

    def paused(seconds: float) -> None:
        change()
        pause(seconds)

    host.pause = paused
    seen = whole_stack.is_stable(host)
    return None if seen.ok else seen


def test_a_container_that_vanishes_while_it_is_watched_is_seen() -> None:
    here = FakeStack()
    seen = change_while_watched(here, lambda: here.containers.pop("loki", None) and None)
    assert seen is not None
    assert (seen.saw, seen.next) == ("loki is gone", "opsbook logs loki vps-i1")


def test_a_restart_while_it_is_watched_is_seen() -> None:
    here = FakeStack()
    seen = change_while_watched(here, lambda: here.containers["loki"].update(RestartCount=1))
    assert seen is not None
    assert seen.saw == "loki was restarted"


def test_a_one_shot_may_end_well_while_it_is_watched() -> None:
    here = FakeStack()
    state = here.add("migrate", restart="no")["State"]
    assert change_while_watched(here, lambda: state.update(Status="exited")) is None
    here.containers["migrate"]["State"]["Status"] = "running"
    assert change_while_watched(here, lambda: state.update(Status="exited", ExitCode=1)) is not None


def test_a_service_with_a_port_in_the_inventory_is_never_meant_to_end() -> None:
    here = FakeStack(compose={"loki": {"restart": "no"}})
    here.containers["loki"]["State"] |= {"Status": "exited", "ExitCode": 0}
    assert "loki is exited (0)" in site(here).false("runs_what_the_files_say")["runs_what_the_files_say"].saw


def test_a_plan_names_all_and_changes_nothing() -> None:
    made = site(half(), plan=True).steps()
    assert made.changes == []
    assert "bring up the whole stack" in made.said


def test_a_failed_up_names_the_services_that_are_down_with_their_last_words() -> None:
    here = half()
    here.fails[" up --detach"] = Result(1, "", "port is already allocated")
    with pytest.raises(CommandFailed) as failed:
        site(here).steps()
    assert "already allocated" in failed.value.saw
    assert "loki has no container" in failed.value.saw
    assert "prometheus is exited (1)\n  | it said this\n  | and then that" in failed.value.saw
    assert "up --detach" in here.debts["bring-up-the-stack"]


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"mode": "640"}, "others may read it"),
        ({"unset": "CADDY_ADMIN_HASH"}, "CADDY_ADMIN_HASH"),
        ({"disk": "/ /dev/vda 1000 10 1000 500"}, "the disk is full"),
        ({"disk": "/ /dev/vda 1000 500 1000 1"}, "the disk is full"),
    ],
)
def test_it_refuses_before_anything_is_touched(trouble: dict[str, Any], says: str) -> None:
    made = site(FakeStack(**trouble))
    with pytest.raises(Refused, match=says):
        made.steps()
    assert made.changes == []


def test_a_compose_file_that_is_wrong_is_told_as_compose_tells_it() -> None:
    here = FakeStack(fails={"config --format=json": Result(15, "", "yaml: line 3: mapping values are not allowed")})
    with pytest.raises(CommandFailed, match="mapping values"):
        site(here).steps()


def test_a_disk_that_fills_is_worth_a_word() -> None:
    made = site(FakeStack(disk="/ /dev/vda 1000 100 1000 500")).steps()
    assert "note: / has 10% of its room left" in made.said


def test_ports_that_our_own_containers_hold_are_free_for_us() -> None:
    here = FakeStack(listening="tcp LISTEN 0 1 127.0.0.1:9002 0.0.0.0:*")
    for at, raw in enumerate(here.containers.values()):
        raw["NetworkSettings"]["Ports"] = {f"{9000 + at}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(9000 + at)}]}
    assert "already so" in site(here).steps().said


def test_a_container_that_docker_restarts_is_not_taken_for_a_stranger_on_its_port() -> None:
    here = FakeStack(listening="tcp LISTEN 0 1 127.0.0.1:9002 0.0.0.0:*")
    name = list(here.environment)[2]
    here.containers[name]["State"]["Status"] = "restarting"
    assert "already so" in site(here).steps().said


def test_a_crash_loop_is_named_with_its_last_words() -> None:
    here = FakeStack()
    here.containers["loki"] = inspected("loki", status="restarting", restarts=7)
    found = site(here).false("every_service_is_healthy")["every_service_is_healthy"]
    assert found.saw.startswith("loki is restarting (1)")
    assert "| and then that" in found.saw
    assert found.next == "opsbook logs loki vps-i1"


def test_an_endpoint_that_is_silent_and_a_metric_that_lacks_are_named() -> None:
    here = FakeStack()
    here.answers |= {"alertmanager /-/ready": Result(500, "broken"), "queue-exporter /metrics": Result(200, "queue_exporter_up 1\n")}
    made = site(here)
    found = made.false("every_endpoint_answers", "exporters_offer_their_metrics")
    assert found["every_endpoint_answers"].saw == "alertmanager: /-/ready gave status 500: broken"
    assert found["exporters_offer_their_metrics"].saw == "queue-exporter: it lacks queue_depth"


def test_prometheus_without_a_rule_is_not_proven() -> None:
    here = FakeStack()
    config = "global: {scrape_interval: 2s, evaluation_interval: 1s}\nrule_files: [rules/*.yml]\n"
    here.answers["prometheus /api/v1/status/config"] = Result(200, json.dumps({"data": {"yaml": config}}))
    here.answers["prometheus /api/v1/rules"] = Result(200, json.dumps({"data": {"groups": []}}))
    found = site(here).false("prometheus_runs_its_rules")["prometheus_runs_its_rules"]
    assert (found.saw, found.next) == ("prometheus: 0 rules from 0 files", "opsbook reload-rules vps-i1")
