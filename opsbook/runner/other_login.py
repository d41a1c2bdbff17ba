"""A further login of another user than the one that holds the lock."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from opsbook.host import Guard, Write
from opsbook.shell import Command, prefixed


@dataclass(frozen=True)
class OtherLogin:
    """Its guard. It may not see the process that holds the lock, so the heartbeat just before a write must do."""

    guard: Guard

    def writing(self, change: Write) -> AbstractContextManager[None]:
        """Enter when the run's own guard lets a change pass."""
        return self.guard.writing(change)

    def wrap(self, command: Command, within: float) -> Command:
        """Return the command under a time limit."""
        return prefixed(command, "timeout", "--preserve-status", "--kill-after=10", f"{within:g}")

    def stopped(self) -> None:
        """Raise Interrupted when the operator has pressed Ctrl-C."""
        self.guard.stopped()
