"""Every runbook as a Fabric task: the same parameters, proof, lock and journal as `opsbook RUNBOOK`."""

from __future__ import annotations

import keyword
import os
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import click
from fabric import Task
from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from opsbook.cli.crash import CrashFile
from opsbook.cli.main import answer, start
from opsbook.cli.state import State
from opsbook.cli.workbook import runbook_command
from opsbook.errors import OpsbookError, UsageError
from opsbook.screen.terminal import tamed_streams

# flags of fab by the place where Fabric keeps them; none of them means anything to a runbook
MEANINGLESS = {
    ("run", "echo"): "--echo",
    ("run", "hide"): "--hide",
    ("run", "pty"): "--pty",
    ("run", "warn"): "--warn-only",
    ("sudo", "password"): "--prompt-for-sudo-password",
    ("timeouts", "command"): "--command-timeout",
    ("connect_kwargs", "key_filename"): "--identity",
    ("connect_kwargs", "passphrase"): "--prompt-for-passphrase",
    ("connect_kwargs", "password"): "--prompt-for-login-password",
    ("connect_kwargs", "timeout"): "--connect-timeout",
}
CONTEXT = Parameter("c", Parameter.POSITIONAL_ONLY)


def collection() -> Collection:
    """Return the tasks: one for each runbook that `opsbook list` shows."""
    state = State(os.environ, Path.cwd())
    found = Collection()
    for name, page in state.pages().items():
        try:
            found.add_task(task_of(runbook_command(page, state)))
        except OpsbookError as broken:
            found.add_task(_broken(name, str(broken)))
    return found


def task_of(command: click.Command) -> Task:
    """Given the command of a runbook, return the task that runs it."""

    def body(c: Context, **typed: object) -> None:     # Fabric hands the parameters over by name
        state = State(os.environ, Path.cwd())
        with tamed_streams(), CrashFile(state):
            code = answer(lambda: start(_arguments(command, c, typed), state), state)
        if code:
            raise Exit(code=code)

    body.__doc__ = command.help
    body.__signature__ = Signature([CONTEXT, *(_parameter(one) for one in command.params)])  # type: ignore[attr-defined]
    lists = [_name(one) for one in command.params if _is_list(one)]
    helps = {_name(one): one.help for one in command.params if isinstance(one, click.Option) and one.help}
    return Task(body, name=command.name, iterable=lists, help=helps, auto_shortflags=False)


def _broken(name: str, why: str) -> Task:
    def body(_c: Context) -> None:
        """Cannot be run."""
        raise Exit(why, code=UsageError.exit_code)

    return Task(body, name=name)


def _parameter(one: click.Parameter) -> Parameter:
    default: Any = None
    if isinstance(one, click.Option) and one.is_flag:
        default = bool(one.secondary_opts)      # --x/--no-x is the switch that is on by itself
    elif isinstance(one, click.Argument) and one.required:
        default = Parameter.empty
    return Parameter(_name(one), Parameter.KEYWORD_ONLY, default=default)


def _name(one: click.Parameter) -> str:
    """Return the name of the flag: `max_fail` for --max-fail, `host` for HOST…"""
    if isinstance(one, click.Argument):
        return "host" if one.name == "hosts" else str(one.name)
    name = one.opts[0].lstrip("-").replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name      # Fabric drops the underscore again


def _is_list(one: click.Parameter) -> bool:
    return one.multiple or one.name == "hosts"


def _arguments(command: click.Command, c: Context, typed: Mapping[str, Any]) -> list[str]:
    """Return the words that `opsbook` would have got."""
    _refuse_meaningless(c)
    options = [word for one in command.params if isinstance(one, click.Option) for word in _words(one, typed[_name(one)])]
    positional = [typed[one.name] for one in command.params if isinstance(one, click.Argument) and one.name != "hosts"]
    if c.config.run.dry and "--plan" not in options and any(one.name == "plan" for one in command.params):
        options.append("--plan")
    return [str(command.name), *options, "--", *positional, *_hosts(c, typed["host"])]


def _words(one: click.Option, value: Any) -> Iterator[str]:
    if one.is_flag:
        if value != bool(one.secondary_opts):
            yield (one.opts if value else one.secondary_opts)[0]
        return
    for single in value if one.multiple else [value]:
        if single is not None:
            yield f"{one.opts[0]}={single}"


def _hosts(c: Context, named: list[str]) -> list[str]:
    """Return the host of `fab -H` or of `--host`."""
    of_fabric = getattr(c, "original_host", None)
    if of_fabric is None:
        return named
    if named:
        raise UsageError("name the hosts by -H or by --host, not by both")
    if c.user != c.ssh_config.get("user", c.config.user) or c.port != int(c.ssh_config.get("port", c.config.port)):
        raise UsageError("-H takes a host of the inventory; user and port stand there too", saw=of_fabric)
    return [of_fabric]


def _refuse_meaningless(c: Context) -> None:
    given = c.config._overrides     # what came from flags, as against configuration files; Fabric has no public name for it
    flags = [flag for (section, key), flag in MEANINGLESS.items() if given.get(section, {}).get(key)]
    if c.config._runtime_ssh_path:
        flags.append("--ssh-config")
    if flags:
        raise UsageError(f"fab {', '.join(flags)} means nothing to a runbook", next="fab --help TASK shows what does")
