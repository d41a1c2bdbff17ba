"""From the file to the Inventory, or to one error that tells every mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsbook.errors import UsageError
from opsbook.inventory import Inventory
from opsbook.inventory_file.document import mapping, read
from opsbook.inventory_file.section import Section
from opsbook.inventory_file.values import inventory_of
from opsbook.inventory_file.variables import parse_env


def load_file(path: Path, environment: Mapping[str, str]) -> Inventory:
    """Return the inventory; raise UsageError when anything in it is wrong."""
    problems: list[str] = []
    top = Section("", mapping(path, problems), problems, _variables(path, environment))
    inventory = inventory_of(path, top)
    if not problems:
        return inventory
    if len(problems) == 1:
        raise UsageError(f"{path}: {problems[0]}")
    raise UsageError(f"{path}: {len(problems)} mistakes", saw="\n".join(problems))


def _variables(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    local = path.parent / ".env.local"
    beside = parse_env(read(local)) if local.is_file() else {}
    return {**beside, **{name: value for name, value in environment.items() if value}}
