"""The options that many commands share, understood before and after the command's name.

A command is written so:

    @click.command("unlock")
    @click.argument("host")
    @confirm_options
    @common_options
    @pass_state
    def unlock(state: State, host: str) -> None:
        entry = state.inventory().host(host)
        if state.options.json: …
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from opsbook.cli.number_of_hosts import NumberOfHosts
from opsbook.cli.state import state_of

Function = TypeVar("Function", bound=Callable[..., Any])


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
        state_of(context).take(parameter.name, value)


def _flag(name: str, text: str) -> Callable[[Function], Function]:
    return click.option(name, is_flag=True, expose_value=False, callback=_remember, help=text)


def _value(
    name: str, kind: click.ParamType[Any] | type, metavar: str, text: str, *, short: str | None = None, multiple: bool = False
) -> Callable[[Function], Function]:
    names = filter(None, (name, short))
    return click.option(*names, type=kind, metavar=metavar, multiple=multiple, expose_value=False, callback=_remember, help=text)


COMMON = (
    _value("--inventory", click.Path(path_type=Path), "FILE", "The site's inventory.yaml."),
    _flag("--lab", "Use the lab: its inventory, its keys."),
    _flag("--json", "Answer with one JSON document on standard output."),
    _flag("--debug", "Keep a log of the connection and show tracebacks."),
)
LOGIN = (
    click.option(
        "--as", "as_", metavar="USER", expose_value=False, callback=_remember, help="Log in as this user, and not as the inventory's."
    ),
)
CONFIRM = (
    _flag("--yes", "Answer yes where the risk is mild."),
    _value("--confirm", str, "NAME", "Answer a severe risk with the host's name.", multiple=True),
)
FLEET = (
    _flag("--jsonl", "Print the run's events, one JSON document a line."),
    _value("--jobs", click.IntRange(1, 200), "N", "Hosts at the same time.", short="-j"),
    _value("--failed-of", str, "RUN", "Only the hosts that failed in that run."),
)
CHANGE = (
    _flag("--plan", "Look for real, show every change, make none."),
    _flag("--step", "Ask before each step."),
    _value("--wait", click.FloatRange(0, 86400), "SECONDS", "Wait that long for another operator's lock."),
    _flag("--discard", "Drop what another unfinished run left on record."),
    _flag("--canary", "Change one host first; the others only when it is proven."),
    _value("--batch", NumberOfHosts(least=1), "N|N%", "Change that many hosts, then the next ones while all changed ones are proven."),
    _value("--max-fail", NumberOfHosts(), "N|N%", "Start no further host after more failed ones than that."),
)


def common_options(command: Function) -> Function:
    """Add --inventory, --lab, --json and --debug; every command has these."""
    return _add(COMMON, command)


def confirm_options(command: Function) -> Function:
    """Add --yes and --confirm NAME."""
    return _add(CONFIRM, command)


def login_option(command: Function) -> Function:
    """Add --as: for what prepares a host on which the inventory's user cannot do that yet."""
    return _add(LOGIN, command)


def fleet_options(command: Function) -> Function:
    """Add --jsonl, --jobs and --failed-of: for every runbook."""
    return _add(FLEET, command)


def change_options(command: Function) -> Function:
    """Add --plan, --step, --wait, --discard, --canary, --batch and --max-fail: for what changes hosts."""
    return _add(CHANGE, command)


def _add(options: tuple[Callable[[Any], Any], ...], command: Function) -> Function:
    for option in reversed(options):
        command = option(command)
    return command
