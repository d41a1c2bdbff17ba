"""`opsbook hosts`: the inventory as read."""

from __future__ import annotations

import click

from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state
from opsbook.commands.document import document
from opsbook.inventory import HostEntry, Inventory

COLUMNS = ("host", "address", "user", "stack", "roles", "jump")


@click.command("hosts")
@common_options
@pass_state
def hosts(state: State) -> None:
    """The inventory as read, missing variables marked."""
    inventory = state.inventory()
    if state.options.json:
        click.echo(document(_as_json(inventory)))
        return
    rows = [COLUMNS, *(_row(host) for host in inventory.hosts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    lab = f" (LAB {inventory.lab})" if inventory.lab else ""
    click.echo(f"from {inventory.path}{lab}", err=True)
    for host in inventory.hosts:
        if host.missing:
            click.echo(f"{host.name}: not set: {', '.join(host.missing)}", err=True)
    unset = [name for host in inventory.hosts for name in host.missing]
    if unset:
        where = inventory.path.parent / ".env.local"
        click.echo(f"  next: echo {unset[0]}=203.0.113.5 >> {where}   (one line each; or set them in the environment)", err=True)


def _row(host: HostEntry) -> tuple[str, ...]:
    address = host.address or "(not set)"
    where = f"{address}:{host.port}" if host.port else address
    return host.name, where, host.user or "-", host.stack.name if host.stack else "-", ",".join(host.roles) or "-", host.jump or "-"


def _as_json(inventory: Inventory) -> dict[str, object]:
    return {"inventory": str(inventory.path), "lab": inventory.lab, "hosts": [_host(host) for host in inventory.hosts]}


def _host(host: HostEntry) -> dict[str, object]:
    where = {"address": host.address, "port": host.port, "user": host.user, "jump": host.jump}
    what = {"stack": host.stack.name if host.stack else None, "roles": host.roles}
    services = [service.name for service in host.stack.services] if host.stack else []
    return {"host": host.name, **where, **what, "services": services, "missing": host.missing}
