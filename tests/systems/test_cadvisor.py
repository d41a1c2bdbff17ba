from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opsbook.host import Result
from opsbook.inventory import Cadvisor
from opsbook.shell import cmd
from opsbook.systems import cadvisor
from opsbook.systems.container import Container, Port
from opsbook.systems.engine import Engine, parse_engine
from opsbook.web import Endpoint

SPEC, ENGINE = Cadvisor(), Engine("28.5.1", "overlay2", "/var/lib/docker")
STORE = replace(ENGINE, driver="overlayfs", containerd_store=True)


def test_it_is_made_with_all_that_upstream_asks_for_and_no_published_port() -> None:
    words = cadvisor.arguments(SPEC, ENGINE)
    for mount in ("/:/rootfs:ro", "/var/run:/var/run:ro", "/sys:/sys:ro", "/var/lib/docker:/var/lib/docker:ro", "/dev/disk/:/dev/disk:ro"):
        assert f"--volume={mount}" in words
    assert {"--privileged", "--device=/dev/kmsg", "--network=host", "--port=8080"} <= set(words)
    assert not any(word.startswith(("--publish", "-p")) for word in words)


def test_the_flags_of_the_program_come_after_the_image() -> None:
    words = cadvisor.arguments(SPEC, ENGINE)
    at = words.index(SPEC.image)
    assert words[at + 1 :] == ("--port=8080", "--docker_only=true", "--housekeeping_interval=10s")
    assert all(word.startswith("--") for word in words[:at])


def test_the_hash_differs_with_image_port_and_data_folder_and_with_nothing_else() -> None:
    engines = (ENGINE, replace(ENGINE, version="29.0.0"))
    assert len({cadvisor.settings(SPEC, engine) for engine in engines}) == 1
    others = (replace(SPEC, image="ghcr.io/google/cadvisor:v0.61.0"), replace(SPEC, port=8081))
    hashes = {cadvisor.settings(spec, ENGINE) for spec in (SPEC, *others)} | {cadvisor.settings(SPEC, replace(ENGINE, root="/srv/docker"))}
    assert len(hashes) == 4


def test_the_container_bears_the_hash_and_the_run_and_is_never_pulled_on_the_way() -> None:
    made = cadvisor.create(SPEC, ENGINE, "261121-0105-k3fq").do
    labels = (f"--label=opsbook.settings={cadvisor.settings(SPEC, ENGINE)}", "--label=opsbook.run=261121-0105-k3fq")
    assert made == cmd("docker", "create", "--name=cadvisor-next", "--pull=never", *labels, *cadvisor.arguments(SPEC, ENGINE))


@pytest.mark.parametrize(("image", "engine", "good"), [
    ("ghcr.io/google/cadvisor:v0.60.5", STORE, True),
    ("ghcr.io/google/cadvisor:0.56.2", STORE, True),
    ("ghcr.io/google/cadvisor:0.56.1", STORE, False),
    ("gcr.io/cadvisor/cadvisor:v0.49.1", STORE, False),
    ("gcr.io/cadvisor/cadvisor:v0.49.1", ENGINE, True),
    ("gcr.io/cadvisor/cadvisor:v0.49.1", replace(ENGINE, version="29.1.0"), False),
    ("ghcr.io/google/cadvisor@sha256:" + 64 * "0", STORE, False),
    ("registry.example:5000/google/cadvisor:v0.60.5", STORE, True),
])  # fmt: skip
def test_the_image_store_of_containerd_needs_a_cadvisor_that_knows_it(image: str, engine: Engine, *, good: bool) -> None:
    assert cadvisor.sees_containers(image, engine) is good


def test_where_it_answers_is_read_from_how_it_was_made() -> None:
    of_host = Container("1", "cadvisor", "running", host_network=True, command=("--port=8081",))
    assert cadvisor.place(of_host) == Endpoint(port=8081)
    assert cadvisor.place(replace(of_host, command=())) == Endpoint(port=8080)
    published = Container("1", "cadvisor", "running", ports=(Port(8080, 9999, "127.0.0.1"),))
    assert cadvisor.place(published) == Endpoint(address="127.0.0.1", port=9999)
    assert cadvisor.place(replace(published, ports=())) is None


def test_the_engine_tells_of_itself() -> None:
    raw = {
        "ServerVersion": "29.0.1", "Driver": "overlayfs", "DockerRootDir": "/var/lib/docker",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]], "SecurityOptions": ["name=seccomp,profile=builtin"],
    }  # fmt: skip
    found = parse_engine(Result(0, json.dumps(raw)))
    assert found == Engine("29.0.1", "overlayfs", "/var/lib/docker", containerd_store=True)
    assert parse_engine(Result(0, json.dumps(raw | {"SecurityOptions": ["name=rootless"]}))).rootless
    assert parse_engine(Result(0, json.dumps(raw | {"DriverStatus": None, "Driver": "overlay2"}))).containerd_store is False


def test_an_engine_that_does_not_answer_is_none_even_where_docker_info_ends_well() -> None:
    with pytest.raises(ValueError, match="permission denied"):
        parse_engine(Result(0, json.dumps({"ServerErrors": ["permission denied"], "ServerVersion": ""})))
