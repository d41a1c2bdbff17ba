"""`opsbook show RUNBOOK`: its page, steps, proof and undo."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import click

from opsbook.cli import complete
from opsbook.cli.shared_options import common_options
from opsbook.cli.state import State, pass_state
from opsbook.commands.document import document
from opsbook.errors import UsageError
from opsbook.page import Page
from opsbook.page.outline import Outline, outline

WIDTH = 80
INDENT = 7


@click.command("show")
@click.argument("runbook", shell_complete=complete.runbooks)
@common_options
@pass_state
def show(state: State, runbook: str) -> None:
    """A runbook's page: when, risk, undo, steps, proof."""
    found = state.pages()
    if runbook not in found:
        from opsbook.inventory import nearest

        raise UsageError(f'no runbook is called "{runbook}"', next=nearest(runbook, found))
    page = found[runbook]
    parts = outline(page)
    click.echo(document(_as_json(page, parts)) if state.options.json else _as_text(page, parts))


def _as_text(page: Page, parts: Outline) -> str:
    blocks = [
        _folded("", f"{page.name}: {page.title}"),
        "\n".join(_labelled(label, text) for label, text in page.labels),
        "\n\n".join(_folded("", part) for part in page.notes.split("\n\n")) if page.notes else "",
        _numbered("Answer", parts.answer),
        _numbered("Steps", parts.steps),
        _numbered("Proof", parts.proof),
        _numbered("From outside, after the proof; where it is not true, nothing is undone", parts.outside),
        _numbered("Undo", parts.undo),
        f"File   {page.path}",
    ]
    return "\n\n".join(block for block in blocks if block)


def _labelled(label: str, text: str) -> str:
    return _folded(f"{label:{INDENT}}", text)


def _folded(begin: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=begin, subsequent_indent=" " * len(begin), break_on_hyphens=False)


def _numbered(heading: str, titles: Iterable[str]) -> str:
    rows = [_folded(f"{number:>3}. ", title) for number, title in enumerate(titles, 1)]
    return "\n".join([heading, *rows]) if rows else ""


def _as_json(page: Page, parts: Outline) -> dict[str, object]:
    words = {"name": page.name, "title": page.title, "chapter": page.chapter, "when": page.when, "notes": page.notes}
    risk = {"risk": page.risk, "risk_text": page.risk_text, "undo": page.undo}
    titles = {"answer": next(iter(parts.answer), None), "steps": parts.steps, "proof": parts.proof}
    further = {"from_outside": parts.outside, "undo_steps": parts.undo}
    return {**words, **risk, **titles, **further, "file": str(page.path)}
