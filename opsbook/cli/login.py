"""`--as USER`: who logs in, where that is not the inventory's user."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsbook.errors import UsageError

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.inventory import HostEntry


def logged_in(host: HostEntry, state: State) -> HostEntry:
    """Return the host as this run logs in to it; raise UsageError for what is no user name."""
    from opsbook.inventory_file.values import USER

    login = state.options.as_
    if login is not None and not USER.pattern.fullmatch(login):
        raise UsageError("--as takes a user name", saw=login)
    return replace(host, login=login)
