"""How a run ended on a host, and the exit code that says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsbook.answer import Answer
from opsbook.errors import ConnectionLost, Interrupted, OpsbookError

BUG = 70
DONE, FAILED, REFUSED, UNPROVEN, UNDONE, UNDO_FAILED, DECLINED, TROUBLE, MIXED = 0, 1, 3, 4, 5, 6, 9, 10, 11
OWN_CODE_BEFORE_A_CHANGE = frozenset({2, 7, 8, 9, 10, 130})
OWN_CODE_AFTER_A_CHANGE = frozenset({9, 130})
HALF_WAY = frozenset({FAILED, DECLINED, 130})       # with one of these a run that changed something can go on


@dataclass(frozen=True)
class Proved:
    """One sentence of the proof and what was seen."""

    sentence: str
    ok: bool
    saw: str = ""


@dataclass(frozen=True)
class Ended:
    """One host's end; `state` answers whether anything was changed."""

    host: str
    code: int
    state: str
    changed: bool = False
    proofs: tuple[Proved, ...] = ()
    answer: Answer | None = None
    error: OpsbookError | None = None
    bug: BaseException | None = None
    record: str = ""            # the id of the record on the host that an undo needs, if one could; an adopted one has its first run's
    ways_on: str = ""           # what to type where it ended half-way


def code_for(error: OpsbookError, *, changed: bool, proving: bool) -> int:
    """Given an error and what had happened before it, return the exit code (before any undo)."""
    if not changed:
        return error.exit_code if error.exit_code in OWN_CODE_BEFORE_A_CHANGE else REFUSED
    if error.exit_code in OWN_CODE_AFTER_A_CHANGE:
        return error.exit_code
    if proving and not isinstance(error, ConnectionLost):
        return UNPROVEN
    return FAILED


def may_undo(error: OpsbookError) -> bool:
    """Return whether an undo makes sense: not without a connection, and never by Ctrl-C or a no."""
    return not isinstance(error, ConnectionLost | Interrupted) and error.exit_code != DECLINED


def overall(codes: Iterable[int]) -> int:
    """Given the hosts' codes, return the run's: the common one, 6 over all, else 11."""
    found = set(codes)
    if UNDO_FAILED in found:
        return UNDO_FAILED
    return found.pop() if len(found) == 1 else MIXED


def sentence(code: int, *, changed: bool, plan: bool = False, reads: bool = False, undo: bool = False, looked: bool = False) -> str:
    """Return the last line: did anything change, and what holds now; `looked`: a look said no, and what was changed is of a run before."""
    if plan and code == DONE:
        return "plan only: nothing was changed"
    if reads:
        return "looked only: nothing was changed"
    if undo and changed and code == DONE:
        return "undone, and proven"
    if not changed:
        return "already so, and proven: nothing was changed" if code == DONE else "nothing was changed"
    if looked and code == FAILED:
        return "this run changed nothing; what an unfinished one has changed is still there, and not proven: run it again to resume"
    return {
        DONE: "changed, and proven",
        UNPROVEN: "changed, but the proof is not true",
        UNDONE: "changed, then undone, and the undo is proven",
        UNDO_FAILED: "changed, and the undo failed: a human is needed now",
        DECLINED: "stopped half-way by the operator; run it again to resume, or undo it",
        130: "interrupted half-way; run it again to resume, or undo it",
    }.get(code, "something was changed and the end is unknown; run it again to resume")
