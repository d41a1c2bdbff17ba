"""The words that an operator types to give a runbook its parameters."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping

from opsbook.page.fields import Field


def command_line(name: str, fields: Iterable[Field], params: Mapping[str, object], host: str) -> str:
    """Given the parameters as a record has them, return the line to paste; empty when an argument is missing among them."""
    fields = tuple(fields)
    arguments = [params.get(field.name) for field in fields if field.is_argument]
    if None in arguments:
        return ""       # the runbook has changed since
    options = [word for field in fields if not field.is_argument for word in _option(field, params.get(field.name))]
    return shlex.join(["opsbook", name, *map(str, arguments), *options, host])


def _option(field: Field, value: object) -> Iterator[str]:
    if field.kind is bool and not field.several:
        if value is not None and value != bool(field.default):
            yield f"--{field.option}" if value else f"--no-{field.option}"
    elif field.several and isinstance(value, list | tuple):
        if tuple(value) != field.default:
            yield from (f"--{field.option}={one}" for one in value)
    elif value not in (None, field.default):
        yield f"--{field.option}={value}"
