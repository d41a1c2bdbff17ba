from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.errors import CommandFailed, UsageError
from opsbook.host import Host, Result
from opsbook.inventory import Service
from opsbook.shell import Command, Secret
from opsbook.systems import docker, inside
from opsbook.systems.container import Container, Mount, Port, of, parse_containers
from opsbook.systems.dotenv import env_file
from opsbook.systems.image import parse_image, with_tag
from opsbook.web import Endpoint
from tests.fake import ENTRY, STACK, FakeTransport, fake_host
from tests.fake_docker import inspected, teach_containers
from tests.here import Here
from tests.systems.captured import captured

FOUND = parse_containers(captured("docker_containers.json", 0))
CRASH, INNER, JOB, WEB = FOUND


def test_all_containers_of_a_project_come_in_one_command() -> None:
    question = docker.containers("it's")
    assert str(question.ask) == (
        "docker ps --all --quiet --no-trunc '--filter=label=com.docker.compose.project=it'\"'\"'s' "
        "--filter=label=com.docker.compose.oneoff=False | xargs --no-run-if-empty docker container inspect"
    )
    assert question == docker.containers("it's")


def test_no_container_is_no_error() -> None:
    assert parse_containers(Result(0, "")) == ()


def test_a_running_container_tells_all_that_matters() -> None:
    assert (WEB.name, WEB.service, WEB.directory, WEB.state) == ("shop-web-1", "web", "/opt/shop", "running (healthy)")
    assert WEB.started > WEB.created > 1_700_000_000
    assert (WEB.image, WEB.image_id[:7], WEB.user, WEB.command[0]) == ("shop-box:1", "sha256:", "65534:65534", "httpd")
    assert WEB.ports == (Port(8080, 38080, "127.0.0.1"), Port(8081, 38081))
    assert set(WEB.mounts) == {
        Mount("bind", "/opt/shop/www", "/www", "", writable=False),
        Mount("bind", "/opt/shop/conf/single.txt", "/etc/single.txt", "", writable=False),
        Mount("volume", "/var/lib/docker/volumes/shop_data/_data", "/data", "shop_data"),
    }
    assert list(WEB.addresses) == ["shop_default"]


def test_containers_that_ended_or_crash_tell_it() -> None:
    assert (JOB.state, JOB.running, JOB.health) == ("exited (3)", False, "")
    assert CRASH.restarts > 0
    assert replace(JOB, out_of_memory=True).state == "exited (out of memory)"


def test_the_environment_of_a_container_is_never_shown() -> None:
    assert WEB.env["TITLE"] == "pa$$word"
    assert "pa$$word" not in repr(WEB)


def test_a_service_with_several_containers_is_the_running_one() -> None:
    old = replace(WEB, status="exited", created=WEB.created + 100)
    assert of([old, WEB], "web") == WEB
    assert of([old], "web") == old
    assert of(FOUND, "nothing") is None


def test_an_image_tells_its_names_and_defaults() -> None:
    image = parse_image(captured("docker_image.json", 0))
    assert image is not None
    assert (image.tags, image.command, image.labels) == (("shop-box:1",), ("sleep", "3600"), {"made.by": "a test"})
    assert image.env["FROM_IMAGE"] == "yes"
    assert image.id == WEB.image_id
    assert parse_image(Result(0, "")) is None


@pytest.mark.parametrize(
    ("name", "whole"),
    [("caddy", "caddy:latest"), ("caddy:2", "caddy:2"), ("reg:5000/caddy", "reg:5000/caddy:latest"), ("caddy@sha256:1", "caddy@sha256:1")],
)
def test_an_image_without_a_tag_means_latest(name: str, whole: str) -> None:
    assert with_tag(name) == whole
    assert f"--filter=reference={whole}" in str(docker.image(name).ask)


def test_a_throwaway_container_has_the_mounts_read_only_and_no_network() -> None:
    mounts = [replace(WEB.mounts[0], source="/tmp/a,b", type="bind", volume=""), Mount("volume", "/x", "/data", "shop_data")]
    assert inside.throwaway("sha256:1", mounts, "promtool", "check", "config", "/a b.yml", user="65534").line() == (
        "docker run --rm --pull=never --network=none --log-driver=none --read-only --user=65534 "
        f"'--mount=type=bind,\"source=/tmp/a,b\",target={mounts[0].destination},readonly' "
        "--mount=type=volume,source=shop_data,target=/data,readonly --entrypoint=promtool sha256:1 check config '/a b.yml'"
    )


def test_a_program_in_a_container_gets_no_terminal() -> None:
    assert inside.exec_("c1", "cat", "x y").line() == "docker exec c1 cat 'x y'"
    asks = inside.exec_("c1", "caddy", "hash-password", user="0", stdin=True)
    assert asks.line() == "docker exec --interactive --user=0 c1 caddy hash-password"


def test_hashes_inside_a_container_leave_out_what_is_missing() -> None:
    answer = Result(1, "e3b0  /dev/null\n2c8b  /etc/a  b.txt\n", "sha256sum: can't open '/nope'")
    assert inside.parse_hashes_inside(answer) == {"/etc/a  b.txt": "2c8b"}


def test_more_files_in_a_container_than_a_command_line_holds_are_no_matter(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/bash\n[ "$1 $2" = "exec c1" ] && exec "${@:3}"\necho "No such container: $2" >&2; exit 1\n')
    docker.chmod(0o755)
    here = Here(env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    paths = [tmp_path / f"{'long' * 30}{number}" for number in range(2000)]
    for path in paths[1:]:
        path.write_text("x")
    for container, count in (("c1", 1999), ("c2", None)):
        question = inside.hashes_inside(container, map(str, paths))
        assert isinstance(question.ask, Command)
        assert isinstance(question.stdin, str)
        result = here.run(question.ask, question.stdin, 20)
        assert result.code in (question.answers or ())
        if count is None:
            with pytest.raises(CommandFailed, match="No such container"):
                question.parse(result)
        else:
            assert len(question.parse(result)) == count


def test_hashes_inside_a_container_that_stopped_are_no_answer() -> None:
    with pytest.raises(CommandFailed, match="is not running"):
        inside.parse_hashes_inside(Result(1, "", "Error response from daemon: Container 1fe8 is not running"))


def test_changes_name_the_very_container_or_image() -> None:
    assert str(docker.hang_up(WEB).do) == f"docker kill --signal=HUP {WEB.id}"
    assert docker.tag("sha256:1", "box:before").do.words == ("docker", "image", "tag", "sha256:1", "box:before")  # type: ignore[union-attr]


def test_both_streams_of_a_log_come_in_order() -> None:
    assert docker.logs("c1", since="10m", lines=20).line() == "bash -c 'exec \"$@\" 2>&1' opsbook docker logs --since=10m --tail=20 c1"
    assert docker.logs("c1", follow=True).line().endswith("docker logs --follow c1")


def test_the_version_is_that_of_the_engine() -> None:
    assert docker.parse_version(Result(0, '"26.1.5+dfsg1"\n')) == "26.1.5+dfsg1"
    assert docker.parse_image_ids(Result(0, "a:1 sha256:1\n<none>:<none> sha256:2\n"))["a:1"] == "sha256:1"


def host_with(*containers: Container) -> Host:
    """A host whose engine has these containers, given as what `docker inspect` would say of the captured ones."""
    raw = {one["Id"]: one for one in json.loads(captured("docker_containers.json").out)}
    fake = FakeTransport()
    fake.teach(docker.containers("shop"), json.dumps([raw[container.id] for container in containers]))
    fake.teach(env_file("/opt/shop/.env"), "WEB_PASSWORD='s3cr3t$x'\n")
    stack = replace(STACK, project="shop", directory="/opt/shop")
    return fake_host(fake, entry=replace(ENTRY, stack=stack))


def test_a_published_port_is_asked_on_the_hosts_loopback() -> None:
    assert docker.locate(host_with(*FOUND), Service("web", 8080)) == Endpoint("http", "127.0.0.1", 38080)
    assert docker.locate(host_with(*FOUND), Service("web", 8080, prefix="/web")) == Endpoint("http", "127.0.0.1", 38080, prefix="/web")
    assert docker.locate(host_with(*FOUND), Service("web", 8081)) == Endpoint("http", "127.0.0.1", 38081)


def test_a_port_that_is_not_published_is_asked_at_the_containers_address() -> None:
    assert docker.locate(host_with(*FOUND), Service("inner", 9080)) == Endpoint("http", INNER.addresses["shop_default"], 9080)


def test_what_listens_only_inside_is_asked_from_inside() -> None:
    assert docker.locate(host_with(*FOUND), Service("web", 2019, inside=True)) == Endpoint("http", "127.0.0.1", 2019, container=WEB.id)


def test_a_service_that_was_cut_off_from_its_network_is_not_asked_from_inside() -> None:
    raw = inspected("loki")
    raw["NetworkSettings"]["Networks"] = {}
    fake = FakeTransport()
    teach_containers(fake, [raw])
    with pytest.raises(CommandFailed, match="loki has no network") as failed:
        docker.locate(fake_host(fake), Service("loki", 3100))
    assert failed.value.next == "opsbook recreate-service loki --force vps-i1"


def test_a_service_that_comes_up_while_somebody_waits_for_it_is_found() -> None:
    fake = FakeTransport()
    teach_containers(fake, [inspected("loki", status="exited")], [inspected("loki", status="exited")], [inspected("loki")])
    host = fake_host(fake)
    with pytest.raises(CommandFailed, match="loki does not run"):
        docker.locate(host, Service("loki", 3100))
    assert docker.locate(host, Service("loki", 3100)).port == 3100


def test_a_service_is_located_once_until_something_changes() -> None:
    host = host_with(*FOUND)
    docker.locate(host, Service("web", 8080))
    docker.locate(host, Service("inner", 9080))
    assert isinstance(host.transport, FakeTransport)
    assert len(host.transport.asked) == 1


def test_credentials_come_from_the_env_file_by_the_stacks_key() -> None:
    host = host_with(*FOUND)
    endpoint = docker.locate(host, Service("web", 8080, username="admin", password_key="WEB_PASSWORD"))
    assert (endpoint.username, endpoint.password) == ("admin", Secret("s3cr3t$x"))
    assert "s3cr3t" not in host.mask("the page says s3cr3t$x")


def test_a_missing_credential_is_named_without_the_others() -> None:
    with pytest.raises(UsageError, match=r"/opt/shop/\.env has no OTHER_KEY, which web needs"):
        docker.locate(host_with(*FOUND), Service("web", 8080, username="admin", password_key="OTHER_KEY"))


@pytest.mark.parametrize(("containers", "state"), [((JOB,), r"its container is exited \(3\)"), ((), "it has no container")])
def test_a_service_that_does_not_run_is_an_error_that_names_its_state(containers: tuple[Container, ...], state: str) -> None:
    with pytest.raises(CommandFailed, match=state):
        docker.locate(host_with(*containers), Service("job", 80))
