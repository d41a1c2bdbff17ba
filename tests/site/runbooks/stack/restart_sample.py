"""Restart one service.

When   a service leaks memory.
Risk   severe: requests to it fail for about ten seconds.
Undo   none needed: the same container starts again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from opsbook.check import Seen
from opsbook.host import Host
from opsbook.runbook import SERVICE


@dataclass(frozen=True)
class Params:
    """What to restart, and how."""

    service: Annotated[str, SERVICE, "the service to restart"]
    timeout: Annotated[int, "seconds to stop in"] = 20
    ratio: Annotated[float, "a part"] = 0.5
    how: Annotated[Literal["stop", "kill"], "how it ends"] = "stop"
    only: Annotated[tuple[str, ...], SERVICE, "also these"] = ()
    notes: Annotated[Path | None, "a file with notes"] = None
    drain: Annotated[bool, "drain it first"] = True


def look(host: Host, p: Params) -> None:
    """Confirm that the service is known."""


def restart(host: Host, p: Params) -> None:
    """Restart the container."""


def is_healthy(host: Host, p: Params) -> Seen:
    """The service is healthy."""
    return Seen(ok=True)


ON = "stack"
STEPS = (look, restart)
PROOF = (is_healthy,)
