"""The first line of a run: what runs, on which host at which address, and LAB in the lab. It comes before anything slow is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsbook.screen import first_line

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.inventory import HostEntry

NAMED = 5       # so many hosts are named


def announce(what: str, hosts: Sequence[HostEntry], state: State) -> None:
    """Print the first line at once."""
    first_line(headline(what, hosts, state))


def headline(what: str, hosts: Sequence[HostEntry], state: State) -> str:
    """Return the first line."""
    lab = state.inventory().lab
    where = ", ".join(f"{host.name} ({_place(host)})" for host in hosts[:NAMED])
    more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
    return f"{'plan of ' if state.options.plan else ''}{what} on {where}{more}{f'  [LAB {lab}]' if lab else ''}"


def _place(host: HostEntry) -> str:
    return f"{f'{host.login}@' if host.login else ''}{host.address}{f':{host.port}' if host.port else ''}"
