"""Find inventory.yaml and read it into an Inventory; every mistake is told at once, with file and key path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from opsbook.errors import UsageError
from opsbook.places import config_folder

if TYPE_CHECKING:
    from opsbook.inventory import Inventory

NAME = "inventory.yaml"


def find(explicit: Path | None, environment: Mapping[str, str], cwd: Path) -> Path:
    """Return the given file, or $OPSBOOK_INVENTORY, or inventory.yaml from the working directory upwards, or the user's own."""
    variable = environment.get("OPSBOOK_INVENTORY")
    named = explicit or (Path(variable) if variable else None)
    if named is not None:
        return _existing(cwd / named.expanduser(), "" if explicit else "named by OPSBOOK_INVENTORY")
    own = config_folder(environment) / NAME
    for path in (*(folder / NAME for folder in (cwd, *cwd.parents)), own):
        if path.is_file():
            return path
    raise UsageError(f"no {NAME} found", saw=f"looked in {cwd}, upwards, and for {own}", next="opsbook --inventory FILE …")


def of_the_lab(environment: Mapping[str, str]) -> Path:
    """Return the lab's inventory; raise UsageError when the lab is not up."""
    from opsbook.lab.lab import here

    path = here(environment).inventory
    if not path.is_file():
        raise UsageError("the lab is not up", saw=f"there is no {path}", next="opsbook lab up")
    return path


def load(path: Path, environment: Mapping[str, str]) -> Inventory:
    """Read the file; raise UsageError with every mistake in it. `.env.local` beside it adds variables that the environment lacks."""
    from opsbook.inventory_file.reading import load_file  # `opsbook list` finds the file and need not read it

    return load_file(path, environment)


def _existing(path: Path, why: str) -> Path:
    try:
        there = path.is_file()
    except OSError as error:    # a name that is too long
        raise UsageError("there is no such inventory", saw=error.strerror or str(error), next="opsbook --inventory FILE …") from None
    if not there:
        saw = "it is a folder" if path.is_dir() else why
        raise UsageError(f"there is no inventory {path}", saw=saw or "no such file", next="opsbook --inventory FILE …")
    return path
