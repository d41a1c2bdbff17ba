from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.core import ParameterSource

from opsbook.cli.state import State
from opsbook.cli.workbook import runbook_command
from opsbook.page import Page, pages
from opsbook.page.fields import Field
from opsbook.page.outline import outline
from opsbook.runbook import load
from tests.typed import SITE

ROOT = Path(__file__).parent.parent
PAGES = [*pages([ROOT / "runbooks"]).values(), *pages([SITE / "runbooks"]).values()]


def odd(field: Field) -> object:
    """A value that is not the default, and is hard to quote where that can be."""
    if field.kind is bool:
        return not field.default
    one = field.choices[-1] if field.choices else "it's $HOME" if field.kind in {str, Path} else 7
    return [one, one] if field.several else one


def parsed(line: str, page: Page) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """What the command line makes of it: the parameters that were typed, and the hosts."""
    program, name, *words = shlex.split(line)
    assert (program, name) == ("opsbook", page.name)
    state = State({}, SITE)
    context: click.Context = runbook_command(page, state).make_context(name, words, obj=state)
    typed = {key: value for key, value in context.params.items() if context.get_parameter_source(key) is ParameterSource.COMMANDLINE}
    return typed, typed.pop("hosts")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_line_that_is_shown_gives_the_parser_the_same_parameters(page: Page) -> None:
    book, fields = load(page), outline(page).fields
    params = {field.name: odd(field) for field in fields}
    typed, hosts = parsed(book.line(params, "vps-i1"), page)
    assert {key: list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
            for key, value in typed.items()} == params
    assert hosts == ("vps-i1",)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_was_left_to_its_default_is_not_shown(page: Page) -> None:
    fields = outline(page).fields
    needed = {field.name: odd(field) for field in fields if field.required}
    plain = {field.name: field.default for field in fields if not field.required}
    typed, _ = parsed(load(page).line({**plain, **needed}, "vps-i1"), page)
    assert set(typed) == set(needed)


def test_a_record_without_the_argument_that_is_needed_today_gives_no_line() -> None:
    page = pages([ROOT / "runbooks"])["restart-service"]
    assert load(page).line({}, "vps-i1") == ""
    assert load(page).line({"service": "loki"}, "vps-i1") == "opsbook restart-service loki vps-i1"
