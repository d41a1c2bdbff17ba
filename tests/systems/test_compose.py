from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.compose import Compose, compose, other_owners, outdated, parse_hashes
from opsbook.systems.container import Mount, Port, of, parse_containers
from opsbook.systems.image import Image, alike, parse_image
from opsbook.systems.project import parse_project, settings_that_differ
from tests.fake import STACK
from tests.systems.captured import captured

SHOP = Compose("/opt/my shop", "shop")
PREFIX = "env '--chdir=/opt/my shop' docker compose '--project-directory=/opt/my shop' --project-name=shop"
PROJECT = parse_project(captured("compose_config.json"))
FOUND = parse_containers(captured("docker_containers.json", 0))
HASHES = parse_hashes(captured("compose_hashes.txt"))
IMAGE = parse_image(captured("docker_image.json", 0))
CRASH, INNER, JOB, WEB = FOUND


def line(command: object) -> str:
    assert isinstance(command, Command)
    return command.line()


def test_questions_and_changes_name_directory_and_project() -> None:
    assert line(SHOP.settings().ask) == f"{PREFIX} config --format=json"
    assert line(SHOP.hashes().ask) == f"{PREFIX} config '--hash=*'"
    assert line(SHOP.restart("web").do) == f"{PREFIX} restart --no-deps web"
    assert line(SHOP.stop("web", "job").do) == f"{PREFIX} stop web job"
    assert line(SHOP.start("web").do) == f"{PREFIX} start web"
    assert line(SHOP.build("web", fresh=True).do) == f"{PREFIX} build --no-cache --pull web"


def test_up_takes_only_what_was_said() -> None:
    assert line(SHOP.up().do) == f"{PREFIX} up --detach --quiet-pull"
    assert line(SHOP.up("web", no_deps=True, build=True, force_recreate=True, wait=30).do) == (
        f"{PREFIX} up --detach --quiet-pull --no-deps --build --force-recreate --wait --wait-timeout=30 web"
    )


def test_another_env_file_of_the_stack_is_named() -> None:
    other = compose(replace(STACK, env_file="prod.env"))
    assert "--env-file=/opt/p24-infra/monitoring/prod.env" in line(other.settings().ask)
    assert "--env-file" not in line(compose(STACK).settings().ask)


def test_the_settings_are_read_with_dollars_as_they_are_meant() -> None:
    web = PROJECT.services["web"]
    assert web.environment == {"EMPTY": "", "PRICE": "5$", "TITLE": "pa$$word"}
    assert (web.context, PROJECT.services["inner"].needs) == ("/opt/shop/ctx", ("web",))
    assert web.ports == (Port(8080, 38080, "127.0.0.1"), Port(8081, 38081))
    assert web.mounts[2] == Mount("volume", "", "/data", "shop_data")
    assert PROJECT.unset == ()
    assert "pa$$word" not in repr(PROJECT)


def test_what_the_file_means_to_end_is_told_by_its_restart_or_by_who_waits_for_its_end() -> None:
    services = {
        "web": {"depends_on": {"migrate": {"condition": "service_completed_successfully"}, "db": {"condition": "service_healthy"}}},
        "migrate": {}, "db": {"restart": "unless-stopped"}, "once": {"restart": "no"}, "unsaid": {},
    }  # fmt: skip
    assert parse_project(Result(0, json.dumps({"name": "x", "services": services}))).one_shots == {"migrate", "once"}


def test_variables_that_nobody_gives_are_named() -> None:
    unset = Result(0, captured("compose_config.json").out, captured("compose_config_unset.stderr").out)
    assert parse_project(unset).unset == ("abc",)


def test_a_container_that_was_made_from_the_file_differs_in_nothing() -> None:
    for service in ("web", "inner", "job", "crash"):
        container = of(FOUND, service)
        assert container is not None
        assert settings_that_differ(container, PROJECT.services[service], IMAGE) == ()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"image": "shop-box:2"}, ("image",)),
        ({"environment": {"TITLE": "other", "NEW": "x", "PRICE": None}}, ("environment EMPTY", "environment NEW", "environment TITLE")),
        ({"command": None}, ("command",)),
        ({"entrypoint": ("/bin/sh",)}, ("entrypoint",)),
        ({"user": "0"}, ("user",)),
        ({"mounts": ()}, ("mount /data", "mount /etc/single.txt", "mount /www")),
        ({"ports": (Port(8080, 38080),)}, ("port 8080", "port 8081")),
        ({"labels": {"team": "x", "com.docker.compose.version": "9"}}, ("label team",)),
    ],
)
def test_settings_that_differ_are_named_without_their_values(changed: dict[str, object], named: tuple[str, ...]) -> None:
    service = replace(PROJECT.services["web"], **changed)  # type: ignore[arg-type]
    assert settings_that_differ(WEB, service, IMAGE) == named


def test_the_ports_of_a_container_that_does_not_run_are_unknown_and_make_no_difference() -> None:
    assert settings_that_differ(replace(WEB, status="exited", ports=()), PROJECT.services["web"], IMAGE) == ()


def test_images_are_alike_by_id_or_by_layers_and_settings() -> None:
    one = Image("sha256:a", layers=("sha256:l",), command=("run",))
    assert alike(one, replace(one, id="sha256:b"))
    assert not alike(one, replace(one, id="sha256:b", command=("walk",)))
    assert not alike(one, replace(one, id="sha256:b", layers=("sha256:m",)))
    assert not alike(Image("sha256:a"), Image("sha256:b"))


def test_up_to_date_containers_are_left_alone() -> None:
    assert outdated(HASHES, FOUND, {"shop-box:1": WEB.image_id}) == ()


def test_up_makes_anew_what_changed_is_missing_or_has_a_newer_image() -> None:
    assert outdated({**HASHES, "web": "0" * 64}, FOUND, {}) == ("web",)
    assert outdated(HASHES, [CRASH, INNER, JOB], {}) == ("web",)
    assert outdated({"web": HASHES["web"]}, FOUND, {"shop-box:1": "sha256:new"}) == ("web",)


def test_another_directory_with_the_same_project_name_is_seen() -> None:
    assert other_owners("/opt/shop", FOUND) == ()
    assert other_owners("/home/anna/shop", FOUND) == ("/opt/shop",)
