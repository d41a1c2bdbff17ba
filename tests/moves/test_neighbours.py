from __future__ import annotations

from typing import Any

import pytest

from opsbook.check import Seen
from opsbook.moves import neighbours
from tests.fake import FakeTransport, fake_host
from tests.fake_docker import inspected, teach_containers

NAME = "monitoring-loki-1"


def seen(now: dict[str, Any] | None, before: dict[str, Any] | None = None) -> Seen:
    """What is seen when Loki was so when the run began, and is so at its end."""
    fake = FakeTransport()
    teach_containers(fake, [before or inspected("loki")], [now] if now else [])
    host = fake_host(fake)
    neighbours.remember(host, "caddy")
    return neighbours.are_untouched(host)


def test_what_nobody_has_looked_at_before_is_not_called_untouched() -> None:
    assert neighbours.are_untouched(fake_host(FakeTransport())).ok is False


def test_a_neighbour_that_runs_on_is_untouched() -> None:
    assert seen(inspected("loki")) == Seen(ok=True, saw="1 container, none restarted")


@pytest.mark.parametrize(
    ("now", "saw"),
    [
        (inspected("loki", started=1_700_000_200), "is not the same any more"),
        (None, "is not the same any more"),
        (inspected("loki", status="exited"), "ran before, and is exited (1) now"),
        (inspected("loki", status="paused"), "ran before, and is paused (1) now"),
        (inspected("loki", status="exited", restarts=3), "ran before, and is exited (1) now"),
    ],
)
def test_a_neighbour_that_was_touched_is_named_with_what_became_of_it(now: dict[str, Any] | None, saw: str) -> None:
    assert seen(now) == Seen(ok=False, saw=f"{NAME} {saw}")


def test_a_neighbour_that_was_down_before_may_stay_down() -> None:
    assert seen(inspected("loki", status="exited"), before=inspected("loki", status="exited")).ok


@pytest.mark.parametrize("status", ["running", "restarting"])
def test_a_neighbour_that_docker_restarts_is_named_and_not_held_against_the_run(status: str) -> None:
    assert seen(inspected("loki", status=status, restarts=1, started=1_700_000_200)) == Seen(ok=True, saw=f"{NAME} restarts by itself")


def test_a_record_of_an_older_opsbook_counts_its_neighbours_as_running() -> None:
    fake = FakeTransport()
    teach_containers(fake, [inspected("loki", status="exited")])
    host = fake_host(fake)
    host.run.kept["neighbours"] = {NAME: ["loki-id", 1_700_000_100.0, 0]}
    assert not neighbours.are_untouched(host).ok
