from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Result
from opsbook.moves.mounts import container_of, different_inside, in_container, matches, on_host, stranded, texts
from opsbook.systems import files, inside
from opsbook.systems.container import Container, parse_containers
from tests.fake import FakeTransport, fake_host
from tests.fake_docker import inspected, teach_containers
from tests.here import Here

MOUNTS = {"/opt/stack/prometheus": "/etc/prometheus", "/opt/stack/prometheus/blackbox.yml": "/etc/bb/blackbox.yml", "/srv/data": "/data"}


def made(**more: Any) -> Container:
    return parse_containers(Result(0, json.dumps([inspected("prometheus", **more)])))[0]


WITH_MOUNTS = made(mounts=MOUNTS)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("/etc/prometheus/rules/*.yml", "/opt/stack/prometheus/rules/*.yml"),
        ("/etc/prometheus", "/opt/stack/prometheus"),
        ("/etc/bb/blackbox.yml", "/opt/stack/prometheus/blackbox.yml"),
    ],
)
def test_a_path_in_the_container_has_a_place_on_the_host_and_the_way_back(inside: str, outside: str) -> None:
    assert on_host(WITH_MOUNTS, inside) == outside
    assert in_container(WITH_MOUNTS, outside) == inside


@pytest.mark.parametrize("path", ["/etc/hosts", "/etc/prometheus2/x", "/"])
def test_a_path_that_no_mount_brings_in_is_refused(path: str) -> None:
    with pytest.raises(Refused, match="from its image"):
        on_host(WITH_MOUNTS, path)


def test_a_path_on_the_host_that_the_container_does_not_see_is_nothing() -> None:
    assert in_container(WITH_MOUNTS, "/opt/stack/prometheus2/a") is None
    assert in_container(WITH_MOUNTS, "/opt/stack") is None


def test_only_files_that_are_mounted_alone_are_stranded_by_a_replacement() -> None:
    changed = ["/opt/stack/prometheus/rules/a.yml", "/opt/stack/prometheus/blackbox.yml", "/opt/stack/other"]
    assert stranded(WITH_MOUNTS, changed) == ("/opt/stack/prometheus/blackbox.yml",)


def test_files_that_differ_or_are_missing_on_either_side_are_named() -> None:
    fake = FakeTransport()
    same, other = "a" * 64, "b" * 64
    rules = [f"/etc/prometheus/{name}" for name in ("same", "differs", "gone_inside", "gone_outside")]
    outside = [on_host(WITH_MOUNTS, path) for path in rules]
    fake.teach(files.hashes(outside), Result(123, "".join(f"{same}  {path}\0" for path in outside[:3])))
    told = f"{same}  /dev/null\n{same}  {rules[0]}\n{other}  {rules[1]}\n{same}  {rules[3]}\n"
    fake.teach(inside.hashes_inside(WITH_MOUNTS.id, rules), Result(123, told))
    assert different_inside(fake_host(fake), WITH_MOUNTS, rules) == {
        rules[1]: "another file than on the host",
        rules[2]: "not readable in the container",
        rules[3]: "not on the host",
    }


def test_no_wildcard_goes_beyond_a_slash() -> None:
    assert matches("/r/a/x.yml", "/r/*/x.yml")
    assert not matches("/r/a/b.yml", "/r/*.yml")


def test_texts_are_found_by_their_path_in_the_container_through_wildcards_of_folders_too(tmp_path: Path) -> None:
    for name in ("a/x.yml", "b/x.yml", "c/other"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    container = made(mounts={str(tmp_path): "/etc/prometheus"})
    found = texts(fake_host(Here()), container, ["/etc/prometheus/b/x.yml", "/etc/prometheus/*/x.yml"])
    assert found == {"/etc/prometheus/b/x.yml": "b/x.yml", "/etc/prometheus/a/x.yml": "a/x.yml"}


def test_texts_of_files_that_are_mounted_alone_are_found_with_and_without_a_mount_of_their_folder(tmp_path: Path) -> None:
    for name in ("rules/a.yml", "rules/b.yml", "elsewhere/b.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    alone = {f"{tmp_path}/elsewhere/b.yml": "/etc/p/rules/b.yml"}
    for mounts, want in (
        (alone, {"/etc/p/rules/b.yml": "elsewhere/b.yml"}),
        ({str(tmp_path): "/etc/p", **alone}, {"/etc/p/rules/a.yml": "rules/a.yml", "/etc/p/rules/b.yml": "elsewhere/b.yml"}),
    ):
        assert texts(fake_host(Here()), made(mounts=mounts), ["/etc/p/rules/*.yml"]) == want


def test_a_container_that_cannot_be_asked_is_an_error_and_not_a_difference() -> None:
    fake = FakeTransport()
    fake.teach(files.hashes(["/srv/data/x"]), f"{hashlib.sha256(b'').hexdigest()}  /srv/data/x\0")
    fake.teach(inside.hashes_inside(WITH_MOUNTS.id, ["/data/x"]), Result(123, "", "No such container"))
    with pytest.raises(CommandFailed, match="sha256sum did not run"):
        different_inside(fake_host(fake), WITH_MOUNTS, ["/data/x"])


def test_an_image_without_sha256sum_is_named_as_a_reason_with_the_way_that_needs_none() -> None:
    fake = FakeTransport()
    fake.teach(files.hashes(["/srv/data/x"]), f"{hashlib.sha256(b'').hexdigest()}  /srv/data/x\0")
    fake.teach(inside.hashes_inside(WITH_MOUNTS.id, ["/data/x"]), Result(123, "", 'exec: "sha256sum": executable file not found in $PATH'))
    with pytest.raises(CommandFailed) as failed:
        different_inside(fake_host(fake), WITH_MOUNTS, ["/data/x"])
    assert "executable file not found" in failed.value.saw
    assert failed.value.next.startswith("opsbook restart-service prometheus vps-i1 ")
    assert "no sha256sum" in failed.value.next
    assert failed.value.host == "vps-i1"


@pytest.mark.parametrize(("raw", "state"), [([], "no container"), ([inspected("prometheus", status="exited")], r"exited \(1\)")])
def test_a_service_that_does_not_run_is_refused_with_its_state(raw: list[dict[str, Any]], state: str) -> None:
    fake = FakeTransport()
    teach_containers(fake, raw)
    with pytest.raises(Refused, match=f"prometheus does not run\n.*{state}"):
        container_of(fake_host(fake), "prometheus")
