"""The command line from its words to its exit code, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from opsbook.cli.crash import CrashFile
from opsbook.cli.state import State
from opsbook.cli.workbook import cli
from opsbook.errors import Interrupted, OpsbookError, UsageError
from opsbook.folding import for_people
from opsbook.screen.terminal import tamed_streams

COMPLETION = "_OPSBOOK_COMPLETE"


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    state = State(os.environ if environment is None else environment, Path.cwd())
    with tamed_streams(), CrashFile(state):
        sys.exit(run(arguments, state))


def run(arguments: Sequence[str] | None, state: State) -> int:
    """Run the command line; return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--json" in words[: words.index("--") if "--" in words else None]:
        state.options = replace(state.options, json=True)   # also for a line that cannot be parsed
    return answer(lambda: start(words, state), state)


def start(arguments: Sequence[str] | None, state: State) -> object:
    """Parse and run; return what the command returned, raise what it raised."""
    return cli.main(arguments, prog_name="opsbook", standalone_mode=False, obj=state)


def answer(action: Callable[[], object], state: State) -> int:
    """Do it; tell the operator what went wrong, return the exit code."""
    try:
        code = action()
    except OpsbookError as error:
        return _tell(error, state)
    except click.ClickException as error:
        return _tell(_usage(error), state)
    except (click.Abort, KeyboardInterrupt):
        return _tell(Interrupted("interrupted"), state)
    return code if isinstance(code, int) else 0


def _tell(error: OpsbookError, state: State) -> int:
    import traceback

    if COMPLETION not in state.environment:     # never write into somebody's prompt
        told = "".join(traceback.format_exception(error)) if state.options.debug else str(error)
        shown = state.paste(state.mask(told)).rstrip()
        click.echo(shown if state.options.debug else for_people(shown), err=True)
        if state.options.json:
            click.echo(_as_json(error, state))
    return error.exit_code


def _as_json(error: OpsbookError, state: State) -> str:
    from opsbook.commands.document import document

    parts = {"what": error.what, "saw": error.saw, "next": state.paste(error.next)}
    return document(state.mask.deep({"code": error.exit_code, "error": parts}))


def _usage(error: click.ClickException) -> UsageError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    where = context.command_path if context is not None else "opsbook"
    message = error.format_message().rstrip(".")
    return UsageError(f"{where}: {message[:1].lower()}{message[1:]}", next=_further(error, context))


def _further(error: click.ClickException, context: click.Context | None) -> str:
    """Return the usage where a word is missing, for it says which; else where the help is."""
    if context is None:
        return "opsbook --help"
    if isinstance(error, click.MissingParameter):
        return " ".join((context.command_path, *context.command.collect_usage_pieces(context)))
    return f"{context.command_path} --help"
