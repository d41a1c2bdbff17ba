from __future__ import annotations

import json

import pytest

from opsbook.host import Result
from opsbook.moves import candidate
from opsbook.systems.commit import Change
from opsbook.systems.container import Container, parse_containers
from tests.fake import STACK, fake_host
from tests.fake_docker import inspected
from tests.runbooks.fake_stack import CONTEXT, EXPORTER, FakeStack


def container(files: str = "") -> Container:
    raw = inspected(EXPORTER)
    raw["Config"]["Labels"]["com.docker.compose.project.config_files"] = files
    return parse_containers(Result(0, json.dumps([raw])))[0]


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("monitoring/docker-compose.yml", True),
        ("monitoring/compose.override.yaml", True),
        ("shared/base.yml", True),
        ("monitoring/prometheus/prometheus.yml", False),
        ("shared/other.yml", False),
    ],
)
def test_a_commit_that_changes_a_compose_file_may_change_the_image(path: str, is_one: bool) -> None:
    files = f"{STACK.directory}/docker-compose.yml,{STACK.checkout}/shared/base.yml"
    assert candidate.of_the_recipe(fake_host(), container(files), [Change("M", path)]) is is_one


def test_files_of_the_checkout_that_are_not_in_the_context_are_no_matter() -> None:
    assert not candidate.of_the_recipe(fake_host(), container(), [Change("M", "README"), Change("A", "")])


def test_what_is_on_disk_is_built_where_it_lies() -> None:
    here = FakeStack()
    host = fake_host(here)
    with candidate.incoming(host, container(), as_is=True) as place:
        assert place(CONTEXT) == CONTEXT
        candidate.built(host, EXPORTER, place)
    (line,) = [asked for asked in here.asked if ".env" in asked]
    assert line == f"{CONTEXT} monitoring {STACK.directory}/.env {EXPORTER}"
