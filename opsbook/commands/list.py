"""`opsbook list`: every runbook, by chapter."""

from __future__ import annotations

import click

from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state
from opsbook.commands.document import document
from opsbook.folding import beside
from opsbook.page import Page


@click.command("list")
@common_options
@pass_state
def list_runbooks(state: State) -> None:
    """Every runbook, by chapter."""
    found = state.pages()
    if state.options.json:
        click.echo(document([_summary(page) for page in found.values()]))
        return
    width = max((len(name) for name in found), default=0)
    for chapter in dict.fromkeys(page.chapter for page in found.values()):
        click.echo(f"{chapter or 'runbooks'}")
        for name, page in found.items():
            if page.chapter == chapter:
                click.echo(_line(f"  {name:{width}}  ", page))


def _line(name: str, page: Page) -> str:
    return f"{name}cannot be run: {page.broken}" if page.broken else beside(f"{name}{page.risk:6}  ", page.title)


def _summary(page: Page) -> dict[str, str]:
    return {"name": page.name, "chapter": page.chapter, "title": page.title, "risk": page.risk, "broken": page.broken}
