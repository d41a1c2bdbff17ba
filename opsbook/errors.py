"""Everything that can go wrong, grouped by the first question of 3 a.m.: did anything change?

OpsbookError                 1   what happened, what was seen, what to type next
├── UsageError               2   usage, inventory or parameters are wrong; nothing was contacted
├── Refused                  3   a look said no; nothing was changed
│   ├── NobodyToAsk          3   somebody has to agree, and there is no terminal to ask on
│   └── NothingToUndo        3   the run left nothing that an undo could put back
├── CommandFailed            1   a command or request gave an answer that is none of the expected ones
│   └── NotRunning           1   the service that was asked does not run
├── ConnectionLost           1   the connection broke; during a write the state is unknown
├── NotTrue                  4   a check or proof is not true
├── Locked                   7   another operator holds the lock
├── Unreachable              8   no connection
│   ├── AuthenticationFailed 8
│   ├── HostKeyUnknown       8
│   └── HostKeyChanged       8
├── Declined                 9   the operator said no
├── Trouble                 10   looked, found trouble, changed nothing
└── Interrupted            130   Ctrl-C, SIGTERM or SIGHUP
Bug                         70   opsbook broke its own rules (not an OpsbookError: it keeps its traceback)
PlanEnds                         a plan met a read that depends on a change it only showed (not an error)

The exit code of a class holds when nothing is known about the run; the runner raises it to 1, 3, 4, 5 or 6 by what had happened before.
"""

from __future__ import annotations


class OpsbookError(Exception):
    """A failure the operator can act on, told in three short lines."""

    exit_code = 1

    def __init__(self, what: str, *, saw: str = "", next: str = "", host: str = "") -> None:  # noqa: A002
        super().__init__(what)
        self.what, self.saw, self.next, self.host = what, saw, next, host

    def __str__(self) -> str:
        """Given the parts, return `host: what`, `saw: …`, `next: …`, one line each, the empty ones left out."""
        lines = [f"{self.host}: {self.what}" if self.host else self.what]
        if self.saw:
            lines.append("  saw:  " + self.saw.strip().replace("\n", "\n        "))
        if self.next:
            lines.append(f"  next: {self.next}")
        return "\n".join(lines)


class UsageError(OpsbookError):
    """Usage, inventory or parameters are wrong; nothing was contacted."""

    exit_code = 2


class Refused(OpsbookError):
    """A look found a reason not to start; nothing was changed."""

    exit_code = 3


class NobodyToAsk(Refused):
    """Somebody has to agree to the first change, and there is no terminal to ask on."""


class NothingToUndo(Refused):
    """The run left nothing that an undo could put back; what had gone wrong before keeps its own code."""


class CommandFailed(OpsbookError):
    """A command or request gave an answer that is none of the expected ones."""


class NotRunning(CommandFailed):
    """The service that was asked does not run."""


class ConnectionLost(OpsbookError):
    """The connection broke; what was under way may or may not have happened."""


class NotTrue(OpsbookError):
    """A check or proof is not true."""

    exit_code = 4


class Locked(OpsbookError):
    """Another operator holds the lock."""

    exit_code = 7


class Unreachable(OpsbookError):
    """No connection could be made."""

    exit_code = 8


class AuthenticationFailed(Unreachable):
    """The host refused every key."""


class HostKeyUnknown(Unreachable):
    """The host's key is in no known_hosts file."""


class HostKeyChanged(Unreachable):
    """The host shows another key than the known one."""


class Declined(OpsbookError):
    """The operator said no."""

    exit_code = 9


class Trouble(OpsbookError):
    """Looked, found trouble, changed nothing."""

    exit_code = 10


class Interrupted(OpsbookError):
    """Ctrl-C, SIGTERM or SIGHUP."""

    exit_code = 130


class Bug(RuntimeError):
    """Opsbook broke one of its own rules."""


class PlanEnds(Exception):
    """A plan met a read that depends on a change it only showed."""
