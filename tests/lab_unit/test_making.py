"""What the lab's images are made from."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from opsbook.lab.making import pack, roots
from opsbook.lab.making.recipes import RECIPES, Recipe
from opsbook.lab.making.services import plans

STAND_INS = {
    *("quay.io/thanos/thanos:v0.36.1", "grafana/loki:3.4.5", "grafana/promtail:3.4.5"),
    *("grafana/grafana:12.0.2", "ghcr.io/google/cadvisor:v0.60.5"),
}
LABEL = "LABEL opsbook.stand-in=true"


def test_stand_ins_are_labelled_and_nothing_else_is() -> None:
    assert {plan.recipe.name for plan in plans({}) if LABEL in plan.recipe.settings} == STAND_INS


def test_a_real_binary_replaces_the_stand_in_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "loki").write_bytes(b"the real one")
    found = {plan.recipe.name: plan for plan in plans({"OPSBOOK_LAB_BIN": str(tmp_path)})}
    loki = found["grafana/loki:3.4.5"]
    assert loki.program == b"the real one"
    assert LABEL not in loki.recipe.settings
    assert not any("python" in path for path in loki.recipe.holds)
    assert LABEL in found["grafana/promtail:3.4.5"].recipe.settings


def test_a_program_of_several_files_is_not_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "grafana").write_bytes(b"the real one without its pages")
    found = {plan.recipe.name: plan for plan in plans({"OPSBOOK_LAB_BIN": str(tmp_path)})}
    assert LABEL in found["grafana/grafana:12.0.2"].recipe.settings


def test_an_image_is_named_by_what_is_in_it_and_never_by_upstreams_name(tmp_path: Path) -> None:
    (tmp_path / "loki").write_bytes(b"the real one")
    plain, real = ({plan.tag for plan in plans(environ)} for environ in ({}, {"OPSBOOK_LAB_BIN": str(tmp_path)}))
    assert len(plain - real) == 1
    assert all(tag.startswith("opsbook-lab/") for tag in plain | real)


def test_a_root_is_made_without_documentation_and_by_argument_list() -> None:
    command = roots.server(Path("/a b/finish-root.sh"), "http://mirror.invalid/debian")
    assert command[0] == "mmdebstrap"
    assert command[-3:] == ("trixie", "-", "http://mirror.invalid/debian")
    assert "--customize-hook=sh '/a b/finish-root.sh' \"$1\"" in command
    assert "--dpkgopt=path-exclude=/usr/share/doc/*" in command


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in (("usr/bin/tool", "#!tool"), ("usr/bin/debian-name", "#!renamed"), ("usr/lib/x-linux-gnu/libc.so.6", "libc")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    busybox = tmp_path / "usr/bin/busybox"
    busybox.write_text("#!/bin/sh\nprintf 'busybox\\nsh\\nwget\\n'\n")
    busybox.chmod(0o755)
    return tmp_path


def members(root: Path, recipe: Recipe, program: bytes = b"") -> dict[str, tarfile.TarInfo]:
    written = io.BytesIO()
    pack.write(root, recipe, program, written)
    with tarfile.open(fileobj=io.BytesIO(written.getvalue())) as archive:
        return {one.name: one for one in archive.getmembers()}


def test_an_image_holds_what_its_recipe_names_and_is_owned_by_root(root: Path) -> None:
    recipe = Recipe(
        "x:1",
        holds=("usr/bin/tool", "usr/lib/*-linux-gnu/libc.so.*"),
        renamed=(("usr/bin/debian-name", "usr/bin/upstream"),),
        busybox="busybox",
        data=(("data", 65534),),
        binary="usr/bin/program",
    )
    found = members(root, recipe, b"program")
    assert {"usr/bin/tool", "usr/bin/upstream", "usr/lib/x-linux-gnu/libc.so.6", "busybox/busybox", "usr/bin/program"} <= set(found)
    assert found["data"].uid == 65534
    assert {one.uid for name, one in found.items() if name != "data"} == {0}
    assert found["usr/bin/program"].mode == 0o755
    assert (found["busybox/wget"].linkname, found["bin"].linkname) == ("busybox", "usr/bin")


def test_an_image_without_busybox_has_no_shell(root: Path) -> None:
    assert not [name for name in members(root, Recipe("x:1")) if name.endswith(("/sh", "/wget", "busybox"))]


def test_every_service_image_of_the_compose_files_has_a_recipe() -> None:
    lab = Path(pack.__file__).parent.parent
    texts = [path.read_text() for path in (lab / "p24/repo/monitoring/docker-compose.yml", *lab.glob("projects/*/docker-compose.yml"))]
    named = {line.split("image:")[1].strip() for text in texts for line in text.splitlines() if "image:" in line}
    assert named - {"monitoring-queue-exporter"} == {recipe.name for recipe in RECIPES} - {"ghcr.io/google/cadvisor:v0.60.5"}
