"""Whether what came back is an answer; every error here is masked and has the lines that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from opsbook.errors import CommandFailed, ConnectionLost
from opsbook.hints import hint_for
from opsbook.host.asking import Read, Result, Upload, Write
from opsbook.mask import Mask
from opsbook.shell import Command
from opsbook.web import Request

T = TypeVar("T")
OK = frozenset({0})
HTTP_OK = frozenset({200, 204})
STOPPED = 124       # by its own limit on the host: what runs as root has one, for nobody else may end it
NOT_RUN, NOT_RUN_WORDS = 76, "opsbook: the lock on this host is no longer ours: nothing was run"


@dataclass(frozen=True)
class Verdict:
    """Judges the answers of one host."""

    host: str
    mask: Mask

    def accept(self, asked: Command | Request | Upload, answers: frozenset[int] | None, result: Result) -> None:
        """Raise CommandFailed when the code is none of the answers."""
        if result.code in (answers or (HTTP_OK if isinstance(asked, Request) else OK)):
            return
        word = "status" if isinstance(asked, Request) else "exit code"
        tail = self.mask("\n".join((result.err or result.out).strip().splitlines()[-10:]))
        what = f"`{self.mask(str(asked))}` gave {word} {result.code}"
        raise CommandFailed(what, saw=tail or "(no output)", next=hint_for(tail, self.host) or "", host=self.host)

    def accept_wrapped(self, change: Write, result: Result) -> None:
        """Raise for what its wrapper tells of a command: ConnectionLost when it was never run, CommandFailed when it took too long."""
        if never_ran(result):
            raise ConnectionLost(f"the lock was lost before this could run: {self.mask(change.title)}", host=self.host)
        late = result.seconds >= change.within and result.code not in (change.answers or OK)
        if late or result.code == STOPPED:
            end = "the host stopped it" if result.code == STOPPED else f"it was told to stop, and gave exit code {result.code}"
            what = f"`{self.mask(str(change.do))}` did not end in time: {end} after {result.seconds:.0f} s"
            raise CommandFailed(what, saw=self.mask(result.err).strip(), next=f"opsbook triage {self.host}", host=self.host)

    def parsed(self, question: Read[T], result: Result) -> T:
        """Return what the question's parser makes of the result; raise CommandFailed when it can make nothing of it."""
        try:
            return question.parse(result)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            shown = self.mask(result.out)[:200]     # in this order: half a secret is not recognized
            what = f"`{self.mask(str(question.ask))}` gave an answer that cannot be read"
            raise CommandFailed(what, saw=f"{type(error).__name__}: {self.mask(str(error))}\n{shown}", host=self.host) from error


def never_ran(result: Result) -> bool:
    """Return whether the wrapper found the lock in other hands, so that the command was not run."""
    return result.code == NOT_RUN and NOT_RUN_WORDS in result.err
