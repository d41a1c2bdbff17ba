"""`opsbook doctor [HOST…]`: why a host cannot be operated, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from opsbook.cli import complete
from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state
from opsbook.commands.document import document
from opsbook.errors import Trouble, UsageError

if TYPE_CHECKING:
    from opsbook.findings.finding import Finding
    from opsbook.inventory import HostEntry
    from opsbook.record import Record

AT_ONCE = 8


@click.command("doctor")
@click.argument("hosts", metavar="[HOST]...", nargs=-1, shell_complete=complete.hosts)
@common_options
@pass_state
def doctor(state: State, hosts: tuple[str, ...]) -> int:
    """Examine the way to each HOST, our rights there, and what its stack is configured to be; all hosts if none is named.

    Nothing is changed. Exit code 10 says that something keeps a host from being operated, or will.
    """
    inventory = state.inventory()
    entries = [inventory.host(name) for name in dict.fromkeys(hosts)] or list(inventory.hosts)
    if not entries:
        raise UsageError("the inventory has no host", saw=str(inventory.path))
    lab = f"  [LAB {inventory.lab}]" if inventory.lab else ""
    click.echo(f"doctor on {', '.join(map(_named, entries))}{lab}", err=True)
    found = dict[str, tuple["Finding", ...]]()
    for entry, findings in examined(entries, state):
        found[entry.name] = findings
        if not state.options.json:
            _show(entry, findings, state)
    code = Trouble.exit_code if any(one.severity == "bad" for findings in found.values() for one in findings) else 0
    if state.options.json:
        listed = [{"host": name, "findings": [_document(one, state) for one in findings]} for name, findings in found.items()]
        click.echo(document(state.mask.deep({"code": code, "hosts": listed})))
    return code


def examined(entries: list[HostEntry], state: State) -> Iterator[tuple[HostEntry, tuple[Finding, ...]]]:
    """Yield each host with what was found, as soon as it and those before it are done."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="host") as pool:
        yield from zip(entries, pool.map(lambda entry: examine(entry, state), entries), strict=True)


def examine(entry: HostEntry, state: State) -> tuple[Finding, ...]:
    """Go the way to one host and look around there; return what was found, the worst first."""
    from opsbook.cli.connect import open_ssh
    from opsbook.doctor.visit import visit
    from opsbook.findings.finding import Finding, ranked

    if entry.address is None and entry.missing:
        where = state.inventory().path.parent / ".env.local"
        mend = f"echo {entry.missing[0]}=203.0.113.5 >> {where}   (or set it in the environment)"
        return (Finding("bad", f"not set: {', '.join(entry.missing)}", next=mend),)
    ssh = open_ssh(entry, state)
    try:
        return ranked(visit(entry, ssh, state.mask, lambda record: _again(record, entry.name, state)))
    finally:
        ssh.close()


def _again(record: Record, host: str, state: State) -> str:
    from opsbook.page.outline import outline
    from opsbook.page.typed import command_line

    page = state.pages().get(record.runbook)
    try:
        return command_line(page.name, outline(page).fields, record.params, host) if page is not None else ""
    except UsageError:
        return ""       # a broken runbook keeps nobody from being examined


def _document(finding: Finding, state: State) -> dict[str, object]:
    return {**asdict(finding), "next": state.paste(finding.next)}


def _named(entry: HostEntry) -> str:
    return f"{entry.name} ({entry.address or 'address not set'}{f':{entry.port}' if entry.port else ''})"


def _show(entry: HostEntry, findings: tuple[Finding, ...], state: State) -> None:
    from opsbook.findings.lines import told

    click.echo(f"{entry.name}:")
    for line in told(findings):
        click.echo(state.paste(state.mask(line)) if line.lstrip().startswith("next:") else state.mask(line))
    counts = {word: sum(one.severity == word for one in findings) for word in ("bad", "warn", "note", "ok")}
    click.echo(f"{entry.name}: {', '.join(f'{count} {word}' for word, count in counts.items())}; nothing was changed", err=True)
