"""A run is gone back to, or repeated, only on the site that it was made on: a lab's hosts have the names of real ones."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsbook.errors import UsageError

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.journal import RunRow


def must_be_of_this_site(run: RunRow, state: State, words: Sequence[str]) -> None:
    """Raise UsageError for the run of another site; `words` are what to type there."""
    current = state.inventory().site
    if run.site in ("", current):       # empty: an older opsbook did not put it on record
        return
    raise UsageError(f"that is a run of {run.site}", saw=f"{run.id} was not made on {current}", next=_typed(run.site, state, words))


def _typed(site: str, state: State, words: Sequence[str]) -> str:
    lab = site.removeprefix("LAB ")
    if lab == site:
        before = "OPSBOOK_LAB=0 " if state.options.lab and "lab" not in state.given else ""
        return f"{before}opsbook {shlex.join(('--inventory', site, *words))}"
    other = f"OPSBOOK_LAB_NAME={lab} " if state.options.lab else ""
    return f"{other}opsbook {shlex.join(('--lab', *words))}"
