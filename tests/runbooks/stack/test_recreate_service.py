from __future__ import annotations

import pytest

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Result
from tests.fake import a_run
from tests.fake_docker import inspected
from tests.runbooks.fake_stack import FakeStack
from tests.runbooks.stack_site import Site

SECRET = "correct-horse-battery"


def site(here: FakeStack | None = None, *, plan: bool = False, force: bool = False) -> Site:
    return Site("recreate-service", {"service": "loki", "force": force}, here or FakeStack(), run=a_run(plan=plan))


def changed() -> FakeStack:
    here = FakeStack()
    here.environment["loki"] = {"MODE": SECRET}
    return here


def test_a_changed_variable_is_named_never_shown_and_comes_into_effect() -> None:
    made = site(changed()).steps()
    assert "loki differs in environment MODE" in made.said
    assert SECRET not in made.said
    assert made.changes[1] == "bring up loki"
    assert "--no-deps loki" in "\n".join(made.here.asked)
    assert (made.false(), made.here.debts) == ({}, {})


def test_nothing_is_made_anew_when_nothing_differs() -> None:
    made = site().steps()
    assert (made.changes, made.false()) == ([], {})
    assert "already so" in made.said


def test_force_makes_it_anew_and_a_resumed_run_does_so_once() -> None:
    made = site(force=True).steps().steps()
    assert made.changes.count("bring up loki") == 1
    assert made.false() == {}


def test_a_newer_image_of_the_same_name_is_a_difference() -> None:
    here = FakeStack()
    here.images["example/loki:1"] = "sha256:loki-2"
    made = site(here).steps()
    assert "a newer image of the same name" in made.said
    assert made.false() == {}


@pytest.mark.parametrize("state", ["exited", "missing"])
def test_a_stopped_or_missing_service_is_brought_up(state: str) -> None:
    here = FakeStack()
    here.containers["loki"] = {**here.made("loki", 1.0), "State": inspected("loki", status="exited")["State"]}
    if state == "missing":
        del here.containers["loki"]
    made = site(here).steps()
    assert "bring up loki" in made.changes
    assert made.false() == {}


def test_what_fails_half_way_is_left_to_the_host() -> None:
    here = changed()
    here.fails[" up --detach"] = Result(1, "", "port is already allocated")
    made = site(here)
    with pytest.raises(CommandFailed, match="already allocated"):
        made.steps()
    assert "up --detach" in here.debts["bring-up-loki"]


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"unset": "LOKI_PASSWORD"}, "LOKI_PASSWORD"),
        ({"mode": "644"}, "chmod 0600"),
        ({"listening": "tcp LISTEN 0 1 127.0.0.1:9002 0.0.0.0:*"}, "port 9002: squatter"),
    ],
)
def test_it_refuses_before_anything_is_touched(trouble: dict[str, str], says: str) -> None:
    here = FakeStack(**trouble)     # type: ignore[arg-type]
    made = site(here)
    with pytest.raises(Refused, match=says):
        made.steps()
    assert made.changes == []


def test_a_plan_names_the_difference_and_changes_nothing() -> None:
    made = site(changed(), plan=True).steps()
    assert made.changes == []
    assert "environment MODE" in made.said


def test_each_proof_is_red_when_its_effect_is_missing() -> None:
    made = site(changed())
    assert set(made.false()) == {"runs_what_the_file_says", "others_are_untouched"}
    made.steps()
    made.here.containers["loki"]["State"]["Health"]["Status"] = "unhealthy"
    made.here.answers["loki /ready"] = Result(503, "not yet")
    made.here.containers["alertmanager"] = made.here.made("alertmanager", made.here.now)
    assert set(made.false()) == {"is_healthy", "answers", "others_are_untouched"}
    made.here.containers["loki"] = made.here.made("loki", 1_600_000_000.0)
    assert "is_as_new_as_asked" in made.false()
    made.here.containers["loki"] = inspected("loki", status="restarting", restarts=2)
    assert "does_not_restart" in made.false()
