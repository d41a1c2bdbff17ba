from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from opsbook.check import Seen
from opsbook.host import Host
from opsbook.moves import swapping
from opsbook.systems import docker
from tests.fake import FakeTransport, fake_host
from tests.fake_docker import inspected, teach_containers

Check = Callable[[Host, str], Seen]
OLD, NEW, NAME = "sha256:queue-exporter", "sha256:another", "example/queue-exporter:1"


def host_with(status: str, named: str) -> Host:
    fake = FakeTransport()
    teach_containers(fake, [inspected("queue-exporter", status=status)])
    fake.teach(docker.image(NAME), json.dumps([{"Id": named}]))
    host = fake_host(fake)
    host.run.kept.update({swapping.BEFORE: OLD, swapping.NAME: NAME})
    return host


@pytest.mark.parametrize("check", [swapping.runs_the_image_of_its_name, swapping.runs_the_image_from_before])
@pytest.mark.parametrize(
    ("status", "named", "saw"),
    [("running", NEW, "its name means another"), ("exited", OLD, "is exited (1)"), ("paused", OLD, "is paused (1)")],
)
def test_what_is_wrong_with_the_image_is_told(check: Check, status: str, named: str, saw: str) -> None:
    seen = check(host_with(status, named), "queue-exporter")
    assert (seen.ok, saw in seen.saw) == (False, True), seen.saw


@pytest.mark.parametrize("check", [swapping.runs_the_image_of_its_name, swapping.runs_the_image_from_before])
def test_a_service_on_its_image_is_seen_to(check: Check) -> None:
    assert check(host_with("running", OLD), "queue-exporter").ok
