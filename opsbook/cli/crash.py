"""A bug of opsbook: the traceback goes, masked, into a file of its own."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from opsbook.cli.state import State
from opsbook.places import private_folder, state_folder

EXIT_CODE = 70


class CrashFile:
    """Around everything that may go wrong without being foreseen; what is foreseen is an OpsbookError and never gets here."""

    def __init__(self, state: State) -> None:
        self.state = state

    def __enter__(self) -> CrashFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            raise SystemExit(self._report(error)) from None

    def _report(self, error: Exception) -> int:
        import traceback

        import click

        text = self.state.mask("".join(traceback.format_exception(error)))
        summary = self.state.mask(f"{type(error).__name__}: {error}")
        try:
            where = f"the traceback is in {self._write(text)}"
        except OSError as refused:
            where = f"the traceback could not be kept ({refused}):\n{text}"
        then = self.state.paste("opsbook history, to see what was done until then")
        click.echo(f"a bug of opsbook: {summary}\n  saw:  {where}\n  next: {then}", err=True)
        return EXIT_CODE

    def _write(self, text: str) -> Path:
        folder = private_folder(state_folder(self.state.environment) / "crash")
        path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1_000_000:06d}.txt"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        return path
