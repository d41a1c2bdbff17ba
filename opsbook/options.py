"""What the operator asked for besides the runbook and its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The flags that mean the same for every command that takes them."""

    inventory: Path | None = None
    lab: bool = False
    as_: str | None = None              # log in as this user
    json: bool = False                  # one document on stdout
    debug: bool = False
    jsonl: bool = False                 # the run's events, one a line
    plan: bool = False                  # show the changes, make none
    yes: bool = False                   # answers the question of a mild risk
    confirm: tuple[str, ...] = ()       # names typed beforehand, for severe risks
    step: bool = False                  # ask before each step
    wait: float = 0                     # seconds to wait for another operator's lock
    discard: bool = False               # drop an unfinished record of another run
    jobs: int = 10                      # hosts at the same time
    batch: str | None = None            # N or N%
    max_fail: str | None = None         # N or N%
    canary: bool = False                # one host first, whole and proven
    failed_of: str | None = None        # only the hosts that failed in that run

    @property
    def login(self) -> str:
        """Return what another command line needs to log in likewise."""
        return f" --as {self.as_}" if self.as_ else ""
