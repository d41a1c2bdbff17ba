"""The parameters of a runbook as click parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opsbook.cli import complete
from opsbook.page.fields import Field


def click_parameter(field: Field) -> click.Parameter:
    """Return the argument or option for one field."""
    completer = complete.names_of(field) if field.in_inventory else None
    kind = click.Choice(field.choices) if field.choices else click.Path(path_type=Path) if field.kind is Path else field.kind
    metavar = field.option.upper().replace("-", "_")
    if field.is_argument:
        return click.Argument([field.name], type=kind, metavar=metavar, shell_complete=completer)
    if field.kind is bool:
        return _switch(field)
    return click.Option(
        [f"--{field.option}", field.name],
        type=kind,
        metavar=None if field.choices else metavar,
        multiple=field.several,
        required=field.required,
        default=field.default,
        help=field.help,
        show_default=field.default not in (None, ()),
        shell_complete=completer,
    )


def host_parameters() -> list[click.Parameter]:
    """Return what says which hosts: HOST… at the end, --group, --all."""
    return [
        click.Argument(["hosts"], nargs=-1, metavar="[HOST]...", shell_complete=complete.hosts),
        click.Option(["--group"], metavar="ROLE", help="Every host with that role.", shell_complete=complete.roles),
        click.Option(["--all", "all_hosts"], is_flag=True, help="Every host that fits."),
    ]


def _switch(field: Field) -> click.Option:
    both: Any = f"--{field.option}/--no-{field.option}" if field.default is True else f"--{field.option}"
    return click.Option([both, field.name], is_flag=True, default=field.default, required=field.required, help=field.help)
