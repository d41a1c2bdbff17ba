"""What the command line knows before a command runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opsbook.commands import COMMANDS
from opsbook.errors import Bug, UsageError
from opsbook.options import Options
from opsbook.page import Page, folders, pages

if TYPE_CHECKING:
    from opsbook.inventory import Inventory
    from opsbook.mask import Mask


@dataclass
class State:
    """Made once by `cli.main`; commands get it through `pass_state`."""

    environment: Mapping[str, str]
    cwd: Path
    options: Options = field(default_factory=Options)
    given: set[str] = field(default_factory=set)    # names of the options that the operator typed
    _inventory: Inventory | None = None
    _pages: dict[str, Page] | None = None
    _mask: Mask | None = None

    def __post_init__(self) -> None:
        if self.environment.get("OPSBOOK_LAB", "").lower() in {"1", "true", "yes"}:
            self.options = replace(self.options, lab=True)

    def take(self, name: str, value: object) -> None:
        """Set the option of that name."""
        changed: dict[str, Any] = {name: value}
        self.options = replace(self.options, **changed)
        self.given.add(name)

    @property
    def mask(self) -> Mask:
        """Return what hides the secrets that are known so far; made when somebody asks, which is after a run's first line."""
        if self._mask is None:
            from opsbook.mask import Mask, key_lines

            self._mask = Mask(line for value in self.environment.values() for line in key_lines(value))
            if self._inventory is not None:
                _hide_keys(self._mask, self._inventory)
        return self._mask

    def paste(self, hint: str) -> str:
        """Return a hint whose commands reach the same site as the one that was typed."""
        from opsbook.cli.paste import pasteable

        return pasteable(hint, lab=self.options.lab, inventory=self.options.inventory)

    def inventory_path(self) -> Path:
        """Return the inventory's file; raise UsageError when none is found."""
        from opsbook import inventory_file

        if not self.options.lab:
            return self._of_the_site()
        if self.options.inventory is not None:
            raise UsageError("--inventory and --lab (or OPSBOOK_LAB) exclude each other", saw="the lab has an inventory of its own")
        return inventory_file.of_the_lab(self.environment)

    def inventory(self) -> Inventory:
        """Return the inventory, read once; raise UsageError with every mistake in it."""
        from opsbook import inventory_file

        if self._inventory is None:
            self._inventory = inventory_file.load(self.inventory_path(), self.environment)
            if self._mask is not None:
                _hide_keys(self._mask, self._inventory)
        return self._inventory

    def pages(self) -> dict[str, Page]:
        """Return the runbooks by name; those beside the inventory come before the packaged ones."""
        if self._pages is None:
            self._pages = pages(folders(self._of_the_site_or_none()), COMMANDS)
        return self._pages

    def _of_the_site(self) -> Path:
        from opsbook import inventory_file

        return inventory_file.find(self.options.inventory, self.environment, self.cwd)

    def _of_the_site_or_none(self) -> Path | None:
        try:
            return self._of_the_site()      # in the lab too: there a site's own runbooks are rehearsed
        except UsageError:
            return None


def _hide_keys(mask: Mask, inventory: Inventory) -> None:
    from opsbook.mask import key_lines

    mask.learn(line for host in inventory.hosts if host.key for line in key_lines(host.key))


pass_state = click.make_pass_decorator(State)


def state_of(context: click.Context) -> State:
    """Return the state that `cli.main` made."""
    found = context.find_object(State)
    if found is None:
        raise Bug("a command of opsbook runs without a State: give click `obj=State(...)`")
    return found
