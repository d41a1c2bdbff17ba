"""`opsbook history`: what was run from this machine, one run in full, or what a host remembers."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from opsbook.cli import complete
from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state

if TYPE_CHECKING:
    from opsbook.record.note import Note

LINES = 3       # a run leaves so many lines at most in a host's log


@click.group("history", invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="So many runs, the newest.")
@click.option("--runbook", metavar="NAME", shell_complete=complete.runbooks, help="Only runs of this runbook.")
@click.option("--on", "host", metavar="HOST", shell_complete=complete.hosts, help="Ask the host's own log: everybody's runs.")
@common_options
@pass_state
@click.pass_context
def history(context: click.Context, state: State, limit: int, runbook: str | None, host: str | None) -> None:
    """List what was run: from this machine, or with --on by everybody on a host."""
    if context.invoked_subcommand is not None:
        return
    if host is not None:
        _on_host(state, host, limit, runbook)
    else:
        _local(state, limit, runbook)


@history.command("show")
@click.argument("run", shell_complete=complete.runs)
@common_options
@pass_state
def show(state: State, run: str) -> None:
    """Show everything that happened in RUN (an id or its beginning), secrets masked."""
    from opsbook.errors import UsageError
    from opsbook.journal import open_journal
    from opsbook.journal.text import as_document, in_full

    with closing(open_journal(state.environment)) as journal:
        found = journal.run(run)
        if found is None:
            raise UsageError(f"no run {run} in the history of this machine", next="opsbook history")
        events = journal.events(found.id)
    if state.options.json:
        _print_json({**as_document(found), "events": [asdict(event) for event in events]})
        return
    for line in in_full(found, events):
        click.echo(line)


def _local(state: State, limit: int, runbook: str | None) -> None:
    from opsbook.journal import open_journal
    from opsbook.journal.text import as_document, runs_table
    from opsbook.screen.lines import aligned

    site = _site(state)
    with closing(open_journal(state.environment)) as journal:
        rows = journal.runs(limit, runbook=runbook, site=site)
    if state.options.json:
        _print_json([as_document(row) for row in rows])
    elif not rows:
        click.echo(f"nothing was run from this machine yet{f' on {site}' if site else ''}", err=True)
    else:
        for line in aligned(runs_table(rows)):
            click.echo(line)


def _site(state: State) -> str | None:
    """Return the site that the operator named by --lab or --inventory; None: every site. A lab that is down has a history, too."""
    if state.options.lab and state.options.inventory is None:
        from opsbook.lab.lab import here

        return f"LAB {here(state.environment).name}"
    return state.inventory().site if "inventory" in state.given else None


def _on_host(state: State, host: str, limit: int, runbook: str | None) -> None:
    from opsbook.journal.text import notes_table
    from opsbook.screen.lines import aligned

    found = [note for note in _notes(state, host, limit) if runbook in (None, note.runbook)]
    if state.options.json:
        _print_json([asdict(note) for note in found])
    elif not found:
        click.echo(f"{host}: its log tells of no runs", err=True)
    else:
        for line in aligned(notes_table(found)):
            click.echo(line)


def _notes(state: State, host: str, limit: int) -> list[Note]:
    from opsbook.cli.connect import open_ssh
    from opsbook.cli.selection import need_addresses
    from opsbook.errors import CommandFailed
    from opsbook.record.note import notes
    from opsbook.shell import Command

    entry = state.inventory().host(host)
    need_addresses(state.inventory(), [entry])
    connection, question = open_ssh(entry, state), notes(limit * LINES)
    assert isinstance(question.ask, Command)  # noqa: S101 - journalctl, see note.py
    try:
        result = connection.run(question.ask, None, question.within)
    finally:
        connection.close()
    if result.code != 0:
        raise CommandFailed(
            f"the host's log cannot be read (exit code {result.code})",
            saw=result.err.strip(), next="on the host: sudo usermod --append --groups systemd-journal USER", host=host,
        )
    return question.parse(result)


def _print_json(document: object) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
