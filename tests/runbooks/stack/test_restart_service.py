from __future__ import annotations

import pytest

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Result
from tests.fake import a_run
from tests.fake_docker import inspected
from tests.runbooks.fake_stack import FakeStack
from tests.runbooks.stack_site import Site


def site(here: FakeStack | None = None, *, plan: bool = False) -> Site:
    return Site("restart-service", {"service": "loki"}, here or FakeStack(), run=a_run(plan=plan))


def test_the_host_knows_how_to_start_it_before_it_is_restarted() -> None:
    made = site().steps()
    assert made.changes == ["let the host start loki if we vanish", "restart loki", "the host need no longer start loki if we vanish"]
    assert made.here.debts == {}
    assert made.false() == {}


def test_a_restart_that_fails_leaves_the_start_to_the_host() -> None:
    made = site(FakeStack(fails={" restart --no-deps": Result(1, "", "no such image")}))
    with pytest.raises(CommandFailed, match="no such image"):
        made.steps()
    assert "start loki" in made.here.debts["start-loki"]
    assert "restarted" not in made.run.kept


@pytest.mark.parametrize("state", ["exited", "missing"])
def test_what_does_not_run_is_refused_with_its_remedy(state: str) -> None:
    here = FakeStack()
    here.containers["loki"] = inspected("loki", status="exited")
    if state == "missing":
        del here.containers["loki"]
    made = site(here)
    with pytest.raises(Refused, match="opsbook recreate-service loki vps-i1"):
        made.steps()
    assert made.changes == []


def test_a_plan_shows_the_restart_and_changes_nothing() -> None:
    made = site(plan=True).steps()
    assert made.changes == []
    assert "restart loki" in made.said


def test_a_run_that_is_resumed_restarts_only_once() -> None:
    made = site().steps()
    before = len(made.changes)
    made.steps()
    assert len(made.changes) == before
    assert "already so: The service was restarted by this run" in made.said


def test_a_start_by_docker_itself_is_no_restart_of_ours() -> None:
    here = FakeStack()
    here.containers["loki"] = here.made("loki", here.now + 5)
    assert "restart loki" in site(here).steps().changes


def test_each_proof_is_red_when_its_effect_is_missing() -> None:
    made = site()
    assert "has_started_anew" in made.false()
    made.steps()
    made.here.containers["loki"]["State"]["Health"]["Status"] = "unhealthy"
    made.here.answers["loki /ready"] = Result(503, "not yet")
    made.here.containers["prometheus"] = made.here.made("prometheus", made.here.now)
    assert set(made.false()) == {"is_healthy", "answers", "others_are_untouched"}
    made.here.containers["loki"] = made.here.made("loki", 1_600_000_000.0)
    assert "BEFORE" in made.false()["has_started_anew"].saw.replace("before", "BEFORE")
    made.here.containers["loki"] = inspected("loki", status="restarting", restarts=2)
    assert "does_not_restart" in made.false()


def test_a_neighbour_that_loops_by_itself_is_named_and_not_held_against_the_run() -> None:
    made = site().steps()
    again = made.here.containers["prometheus"]
    again["RestartCount"], again["State"]["StartedAt"] = 1, "2026-01-01T00:00:00Z"
    assert made.false() == {}
