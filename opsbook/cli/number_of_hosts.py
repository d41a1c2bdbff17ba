"""A number or a percentage of hosts, as `--batch` and `--max-fail` take it: judged before a run begins, and kept as it was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opsbook.errors import UsageError

if TYPE_CHECKING:
    Words = click.ParamType[str]
else:
    Words = click.ParamType     # before 8.4 it takes no type


class NumberOfHosts(Words):
    """`N` or `N%`, and not less than the least."""

    name = "number of hosts"

    def __init__(self, least: int = 0) -> None:
        self._least = least

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is; fail, with the option's name, where it is none."""
        from opsbook.runner.brakes import amount

        try:
            amount(value, 1, self._least)
        except UsageError as wrong:
            self.fail(wrong.what, param, ctx)
        return value
