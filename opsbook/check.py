"""Checks: sentences that are true when all is well.

A check is a function `(host, params) -> Seen` whose name and docstring say what is true. It is asked now (`expect`), as a question
(`so`), or until it holds (`within`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from opsbook.errors import CommandFailed, NotTrue, Refused
from opsbook.events import Event
from opsbook.host import Host

P = TypeVar("P")
INTERVAL = 0.5      # seconds between two looks of a wait


@dataclass(frozen=True)
class Seen:
    """What a check saw; `final` says that waiting longer cannot help."""

    ok: bool
    saw: str = ""
    next: str = ""
    final: bool = False


Check = Callable[[Host, P], Seen]
Seconds = float | Callable[[Host], float]


def title(function: Callable[..., object]) -> str:
    """Return the first line of a step's or check's docstring, without its full stop."""
    doc = (function.__doc__ or "").strip()
    if doc:
        return doc.splitlines()[0].rstrip(".")
    name: str = getattr(function, "__name__", repr(function))
    return name.replace("_", " ")


def expect(host: Host, check: Check[P], p: P) -> None:
    """Return when the check holds; raise NotTrue when not. After a plan's first change, show it instead."""
    if host.run.plan and host.run.skipped:
        host.tell(Event("then", host.name, title(check)))
        return
    seen = check(host, p)
    if not seen.ok:
        raise not_true(host, check, seen)


def so(host: Host, check: Check[P], p: P) -> bool:
    """Return whether the check holds already, and say so; false after a plan's first change."""
    if host.run.plan and host.run.skipped:
        return False
    seen = check(host, p)
    if seen.ok:
        host.say(f"already so: {title(check)}", already=True)
    return seen.ok


def all_of(host: Host, p: P, *checks: Check[P]) -> Seen:
    """Ask the checks in turn; return what the first that is not true saw, or that all are true."""
    seen = (check(host, p) for check in checks)
    return next((one for one in seen if not one.ok), Seen(ok=True))


def within(seconds: Seconds, check: Check[P]) -> Check[P]:
    """Return the check as one that waits up to that many seconds until it holds; a service that does not answer yet counts as not yet."""

    @functools.wraps(check)
    def waits(host: Host, p: P) -> Seen:
        deadline = host.clock() + (seconds(host) if callable(seconds) else seconds)
        while True:
            seen = look_once(host, check, p)
            left = deadline - host.clock()
            if seen.ok or seen.final or left <= 0:
                return seen
            host.tell(Event("wait", host.name, title(check), {"saw": host.mask(seen.saw), "left": round(left, 1)}))
            host.pause(min(INTERVAL, left))

    return waits


def look_once(host: Host, check: Check[P], p: P) -> Seen:
    """Ask the check now; an answer that is none, or a service that does not run, counts as not true."""
    try:
        return check(host, p)
    except (CommandFailed, Refused) as failed:
        return Seen(ok=False, saw=f"{failed.what}: {failed.saw}" if failed.saw else failed.what, next=failed.next)


def not_true(host: Host, check: Check[P], seen: Seen) -> NotTrue:
    """Return the error that says which sentence is not true, and what was seen."""
    return NotTrue(f"not true: {title(check)}", saw=host.mask(seen.saw), next=seen.next, host=host.name)
