"""`opsbook unlock HOST`: take the lock from an operator who is gone for good."""

from __future__ import annotations

import getpass
import json
import socket
import sys
from typing import TYPE_CHECKING

import click

from opsbook.cli import complete
from opsbook.cli.shared_options import common_options, confirm_options
from opsbook.cli.state import State, pass_state

if TYPE_CHECKING:
    from opsbook.inventory import HostEntry
    from opsbook.watch.eviction import Eviction

RISK = "that operator's run stops before its next change; a change already under way on the host is waited for, not cut"


@click.command("unlock")
@click.argument("host", shell_complete=complete.hosts)
@confirm_options
@common_options
@pass_state
def unlock(state: State, host: str) -> None:
    """Take the lock of HOST from an operator who is gone for good.

    The run that holds it makes no further change; what it had stopped is started again by the host.
    """
    from opsbook.cli.connect import open_ssh
    from opsbook.cli.selection import need_addresses
    from opsbook.watch.eviction import Eviction
    from opsbook.watch.holder import Holder

    entry = state.inventory().host(host)
    need_addresses(state.inventory(), [entry])
    connection = open_ssh(entry, state)
    try:
        take_away(state, entry, Eviction(connection, Holder(getpass.getuser(), socket.gethostname(), "unlock", host)))
    finally:
        connection.close()


def take_away(state: State, entry: HostEntry, eviction: Eviction) -> None:
    """Show who holds the lock, ask, evict, tell what was done."""
    found = eviction.look()
    if found:
        _agree(state, entry, found)
    payments = eviction.evict()
    if state.options.json:
        done = [{"name": payment.name, "code": payment.code} for payment in payments]
        click.echo(json.dumps({"host": entry.name, "was_held": bool(found), "holder": found or None, "paid": done}))
        return
    click.echo(f"{entry.name}: unlocked; it was held: {found}" if found else f"{entry.name}: nobody held the lock")
    for payment in payments:
        click.echo(f"{entry.name}: {payment}")


def _agree(state: State, entry: HostEntry, found: str) -> None:
    from opsbook.desk import Asking, Desk, ask_on_stderr
    from opsbook.stop import Stop

    click.echo(f"{entry.name}: {found}", err=True)
    desk = Desk(Stop(), confirm=state.options.confirm, terminal=sys.stdin.isatty() and not state.options.json, line=ask_on_stderr)
    desk.allow((Asking(entry.name, entry.address or entry.name, "take the lock away"),), (entry.name,), "unlock", "severe", RISK)
