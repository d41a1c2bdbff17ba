from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opsbook.answer import Answer
from opsbook.errors import Trouble
from opsbook.host import CLOCK, Result
from opsbook.page import read_page
from opsbook.runbook import NoParams, load
from opsbook.systems.compose import compose
from opsbook.web import Request
from tests.fake import SERVICES, STACK, FakeTransport, a_run, fake_host
from tests.fake_docker import CONTAINERS, inspected, teach_containers

BOOK = load(read_page(Path(__file__).parents[3] / "runbooks/stack/status.py", "stack"))
ALL = [service.name for service in SERVICES]
NOW = 1_700_000_400.0


def a_stack(
    containers: list[dict[str, Any]], *, silent: tuple[str, ...] = (), declared: list[str] | None = None, **more: Any
) -> FakeTransport:
    fake = FakeTransport()
    teach_containers(fake, containers)
    fake.teach(CLOCK, str(NOW))
    project = {"name": STACK.project, "services": {name: {"image": name} for name in declared or ALL} | more}
    fake.teach(compose(STACK).settings(), json.dumps(project))
    for service in SERVICES:
        answer = ConnectionRefusedError("refused") if service.name in silent else Result(200, "ok")
        fake.teach(Request(service.name, service.probe), answer)
    return fake


def answered(fake: FakeTransport) -> Answer:
    assert BOOK.answer is not None
    answer = BOOK.answer(fake_host(fake, run=a_run(reads_only=True)), NoParams())
    assert isinstance(answer, Answer)
    return answer


def row(answer: Answer, service: str) -> tuple[str, ...]:
    assert answer.table is not None
    return next(cells for cells in answer.table.rows if cells[0] == service)


def test_a_healthy_stack_shows_every_service_and_no_trouble() -> None:
    answer = answered(a_stack([inspected(name) for name in ALL]))
    assert answer.table is not None
    assert [cells[0] for cells in answer.table.rows] == ALL
    assert row(answer, "prometheus") == ("prometheus", "healthy", "ok", "0", "5 m", "prometheus:1")
    assert answer.trouble == ""


def test_a_service_without_a_container_is_missing_and_bring_up_is_next() -> None:
    answer = answered(a_stack([inspected(name) for name in ALL if name != "loki"]))
    assert row(answer, "loki")[1] == "missing"
    assert (answer.trouble, answer.next) == ("loki is missing", "opsbook bring-up vps-i1")


def test_a_service_that_only_the_compose_file_knows_is_missing_too() -> None:
    answer = answered(a_stack([inspected(name) for name in ALL], declared=[*ALL, "grafana"]))
    assert row(answer, "grafana")[1] == "missing"
    assert "grafana is missing" in answer.trouble


def test_a_container_that_nobody_declared_is_shown() -> None:
    answer = answered(a_stack([inspected(name) for name in [*ALL, "stray"]]))
    assert row(answer, "stray")[1] == "healthy"


@pytest.mark.parametrize(("container", "state"), [({"status": "exited"}, "exited (1)"), ({"health": "unhealthy"}, "unhealthy")])
def test_a_service_that_is_not_well_is_trouble_with_its_log_next(container: dict[str, Any], state: str) -> None:
    answer = answered(a_stack([inspected(name, **(container if name == "caddy" else {})) for name in ALL]))
    assert row(answer, "caddy")[1] == state
    assert answer.trouble.startswith(f"caddy is {state}")
    assert answer.next == "opsbook logs caddy vps-i1"


@pytest.mark.parametrize(("settings", "state"), [({"restart": "no"}, "done"), ({}, "exited (0)")])
def test_a_one_shot_that_ended_well_is_done_and_no_trouble(settings: dict[str, str], state: str) -> None:
    ended = inspected("migrate", status="exited", health="")
    ended["State"]["ExitCode"] = 0
    answer = answered(a_stack([*(inspected(name) for name in ALL), ended], migrate=settings))
    assert row(answer, "migrate")[1] == state
    assert (answer.trouble == "") == (state == "done")


def test_dockers_word_is_not_enough_the_endpoint_must_answer() -> None:
    answer = answered(a_stack([inspected(name) for name in ALL], silent=("loki",)))
    assert row(answer, "loki")[1:3] == ("healthy", "no")
    assert "loki does not answer on port 3100" in answer.trouble


def test_docker_that_does_not_answer_is_trouble_with_triage_next() -> None:
    fake = FakeTransport()
    fake.teach(CONTAINERS, Result(1, "", "Cannot connect to the Docker daemon"))
    with pytest.raises(Trouble, match="next: opsbook triage vps-i1"):
        answered(fake)


def test_a_compose_file_that_cannot_be_read_does_not_hide_what_runs() -> None:
    fake = a_stack([inspected(name) for name in ALL])
    fake.teach(compose(STACK).settings(), Result(15, "", "yaml: line 3: mapping values are not allowed"))
    answer = answered(fake)
    assert answer.table is not None
    assert len(answer.table.rows) == len(ALL)
    assert "line 3" in answer.lines[0]


def test_a_container_caught_between_two_crashes_is_restarting() -> None:
    fake = a_stack([inspected(name, **({"restarts": 7, "started": NOW - 1, "health": ""} if name == "caddy" else {})) for name in ALL])
    answer = answered(fake)
    assert row(answer, "caddy")[1] == "restarting"
    assert "caddy is restarting" in answer.trouble
