"""`opsbook lab`: a disposable, real copy of the servers on this machine, to rehearse on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import click

from opsbook.answer import Table
from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state
from opsbook.commands.document import document
from opsbook.lab.lab import here

if TYPE_CHECKING:
    from opsbook.lab.status import HostStatus


def _faults(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer what can be broken."""
    from opsbook.lab.faults import FAULTS

    return [fault.name for fault in FAULTS if fault.name.startswith(incomplete)]


def _hosts(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Offer what can be brought up."""
    from opsbook.lab.profile import SITE

    return [host.name for host in SITE.hosts if host.name.startswith(incomplete)]


@click.group("lab", invoke_without_command=True)
@common_options
@click.pass_context
def lab(context: click.Context) -> None:
    """A disposable, real copy of the servers on this machine."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@lab.command("up")
@click.argument("hosts", nargs=-1, metavar="[HOST...]", shell_complete=_hosts)
@click.option("--scale", type=int, metavar="N", help="Add N light hosts, light001 and on; 0 takes them away.")
@common_options
def up(hosts: Sequence[str], scale: int | None) -> None:
    """Bring the lab up, or only these hosts. What is there and right is reused."""
    from opsbook.lab.up import up as bring_up

    bring_up(here(), _progress, hosts, scale)
    if hosts or scale is None:
        click.echo(f"try: opsbook --lab triage {hosts[0] if hosts else 'vps-i1'}", err=True)


@lab.command("down")
@click.option("--purge", is_flag=True, help="Drop images and caches, too.")
@common_options
def down(*, purge: bool) -> None:
    """Take the lab away: hosts, networks and keys. Images and caches stay for the next one."""
    from opsbook.lab.down import down as take_down

    take_down(here(), _progress, purge=purge)


@lab.command("status")
@common_options
@pass_state
def status(state: State) -> int:
    """What runs in it, and what of that is a stand-in."""
    from dataclasses import asdict

    from opsbook.lab.status import status as look

    found = look(here())
    if state.options.json:
        click.echo(document({**asdict(found), "up": found.up}))
    else:
        rows = [row for host in found.hosts for row in _rows(host)]
        if rows:
            _table(Table(("what", "name", "state", "where", "note"), tuple(rows)))
        else:
            click.echo("nothing of it is up; opsbook lab up [HOST...] brings it up")
        for fault in found.faults:
            click.echo(f"broken on purpose: {' '.join((fault.name, *fault.args))} (opsbook lab mend)")
    return 0 if found.up else 10


@lab.command("shell", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("host")
@click.argument("words", nargs=-1, metavar="[COMMAND...]")
def shell(host: str, words: Sequence[str]) -> None:
    """Log in to a host, or run one command there. As claude-admin, or as USER@HOST says."""
    from opsbook.lab.enter import shell as enter

    enter(here(), host, words[1:] if words[:1] == ("--",) else words)


@lab.command("break")
@click.argument("fault", required=False, shell_complete=_faults)
@click.argument("arguments", nargs=-1)
@common_options
def break_(fault: str | None, arguments: Sequence[str]) -> None:
    """Break the lab on purpose; without a name, list what can be broken."""
    from opsbook.lab.breaking import break_ as inject
    from opsbook.lab.faults import FAULTS
    from opsbook.lab.faults import fault as known

    if fault is None:
        _table(Table(("fault", "what happens"), tuple((f"{one.name} {one.takes}".strip(), one.summary) for one in FAULTS)))
        return
    chosen = inject(here(), fault, *arguments)
    what = " ".join((chosen.name, *chosen.args))
    click.echo(f"broken: {what}: {known(chosen.name).summary}; opsbook lab mend repairs it", err=True)


@lab.command("mend")
@click.argument("fault", required=False, shell_complete=_faults)
@common_options
def mend(fault: str | None) -> None:
    """Repair one fault, or everything that was broken on purpose."""
    from opsbook.lab.breaking import mend as repair

    mended = repair(here(), fault)
    click.echo(f"mended: {', '.join(mended)}" if mended else "nothing was broken on purpose", err=True)


@lab.command("renew")
@click.argument("hosts", nargs=-1, metavar="[HOST...]", shell_complete=_hosts)
@common_options
def renew(hosts: Sequence[str]) -> None:
    """Bring servers back to how they were made. All of them or these; faults are mended, too."""
    from opsbook.lab.renew import renew as bring_back

    click.echo(f"renewed: {', '.join(bring_back(here(), *hosts)) or 'nothing'}", err=True)


@lab.command("commit")
@click.argument("path")
@click.option("--message", "-m", required=True, metavar="TEXT", help="What the commit says.")
@click.option("--from", "source", type=click.File("r", encoding="utf-8"), default="-", metavar="FILE", help="Else standard input.")
@common_options
def commit(path: str, message: str, source: IO[str]) -> None:
    """Commit a file to the config repo. The lab's servers pull from there, as after a colleague's push."""
    from opsbook.lab.gitserver import commit as push

    click.echo(push(here(), {path: source.read()}, message))


def _rows(host: HostStatus) -> list[tuple[str, ...]]:
    """Return the rows of a host: its own, and one for each of its services."""
    own = ("host", host.name, host.state, f"127.0.0.1:{host.port}" if host.port else "-", "")
    inner = [(one.name, f"{one.state} {one.health}".strip(), one.image, "stand-in" if one.stand_in else "") for one in host.services]
    return [own, *(("service", *row) for row in inner)]


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _table(table: Table) -> None:
    from opsbook.screen.lines import aligned

    for line in aligned(table):
        sys.stdout.write(line + "\n")
