"""The services' images: real ones from a registry, else from Debian's programs and our stand-ins."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsbook.lab.docker import LabError, holds, last_lines
from opsbook.lab.engine import Progress
from opsbook.lab.making import pack, registry, roots
from opsbook.lab.making.recipes import RECIPES, Recipe, real, standing_in
from opsbook.lab.standins import program

REPOSITORY = "opsbook-lab"  # our own names in the operator's engine: his `prom/prometheus` is never touched
REAL_BINARIES = "OPSBOOK_LAB_BIN"


@dataclass(frozen=True)
class Plan:
    """One image that is to be: its recipe and the program that goes into it."""

    recipe: Recipe
    program: bytes = b""

    @property
    def tag(self) -> str:
        """Our name of it, which changes with what it is made from."""
        made_from = hashlib.sha256(repr((self.recipe, roots.PROGRAMS_DIGEST, pack.VERSION)).encode() + self.program)
        return f"{REPOSITORY}/{self.recipe.name.partition(':')[0].replace('/', '-')}:{made_from.hexdigest()[:12]}"


def plans(environ: Mapping[str, str] = os.environ) -> tuple[Plan, ...]:
    """Plan every image: a real binary in OPSBOOK_LAB_BIN replaces the stand-in of that name."""
    return tuple(plan(recipe, environ.get(REAL_BINARIES)) for recipe in RECIPES)


def plan(recipe: Recipe, binaries: str | None) -> Plan:
    """Choose what plays a program."""
    if not recipe.stand_in:
        return Plan(recipe)
    binary = Path(binaries) / recipe.stand_in if binaries else None
    if binary and binary.is_file() and not recipe.links:  # one with links is more than a single file
        return Plan(real(recipe), binary.read_bytes())
    return Plan(standing_in(recipe), program(recipe.stand_in))


def services(progress: Progress, cache: Path, from_registry: bool) -> tuple[Plan, ...]:
    """Make every image that is not there yet."""
    wanted = plans()
    missing = [one for one in wanted if not holds("image", "inspect", one.tag)]
    if not missing:
        progress(f"service images: {len(wanted)} reused")
        return wanted
    if from_registry:
        missing = [one for one in missing if not registry.pulled(one.recipe.name, one.tag)]
    if missing:
        root = roots.unpacked(cache, progress)
        for one in missing:
            made(one, root)
        progress(f"service images: {len(missing)} made, {len(wanted) - len(missing)} reused")
    return wanted


def made(one: Plan, root: Path) -> None:
    """Import one image; the engine gives it its name only when the whole tar has arrived."""
    changes = [part for setting in one.recipe.settings for part in ("--change", setting)]
    command = ["docker", "import", *changes, "--change", "LABEL opsbook.lab.image=true", "-", one.tag]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as sink:
        if sink.stdin is None or sink.stderr is None:
            raise LabError("no pipe to `docker import`")
        with sink.stdin:
            pack.write(root, one.recipe, one.program, sink.stdin)
        trouble = sink.stderr.read()
    if sink.returncode:
        raise LabError(f"the image {one.recipe.name} could not be made", saw=last_lines(trouble))
