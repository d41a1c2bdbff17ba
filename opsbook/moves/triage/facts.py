"""What triage knows; `None` is what could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsbook.check import Seen
from opsbook.inventory import HostEntry
from opsbook.moves.ending import has_done_its_work
from opsbook.record import Record
from opsbook.systems.certificate import Certificate
from opsbook.systems.container import ONE_OFF, PROJECT, Container
from opsbook.systems.machine_answers import Machine
from opsbook.systems.prometheus_state import Target
from opsbook.systems.rules import Group


@dataclass(frozen=True)
class Reload:
    """How the last reload of a service ended, and when the last good one was (seconds since 1970)."""

    ok: bool
    at: float


@dataclass(frozen=True)
class Services:
    """What the services themselves say."""

    endpoints: Mapping[str, Seen] = field(default_factory=dict)
    reloads: Mapping[str, Reload] = field(default_factory=dict)
    rules: tuple[Group, ...] | None = None
    targets: tuple[Target, ...] | None = None
    alerts: tuple[Mapping[str, str], ...] | None = None         # the labels of those that fire
    certificates: Mapping[str, Certificate | None] = field(default_factory=dict)         # of Caddy's sites
    own_certificates: Mapping[str, Certificate] = field(default_factory=dict)            # of services that speak TLS by themselves


@dataclass(frozen=True)
class Facts:
    """One host at one moment."""

    entry: HostEntry
    machine: Machine
    skew: float | None = None                       # seconds that the host's clock is ahead of the operator's
    words: Mapping[str, str] = field(default_factory=dict)      # the last log lines of services that do not run
    services: Services = field(default_factory=Services)
    lock: str = ""                                  # who holds it; empty: nobody, or it could not be asked
    record: Record | None = None                    # of a run that has not ended
    one_shots: frozenset[str] = frozenset()         # the services that the Compose file means to end

    @property
    def host(self) -> str:
        """Return the inventory name."""
        return self.entry.name

    @property
    def now(self) -> float:
        """Return the host's time; 0 when it did not tell."""
        return self.machine.now or 0.0

    @property
    def own(self) -> tuple[Container, ...]:
        """Return the containers of the host's stack."""
        project = self.entry.stack.project if self.entry.stack else ""
        of_it = (found for found in self.machine.containers or () if found.labels.get(PROJECT) == project)
        return tuple(found for found in of_it if found.labels.get(ONE_OFF) != "True")

    def is_done(self, found: Container | None) -> bool:
        """Return whether it is the container of a service that was meant to end, and ended well."""
        return self.entry.stack is not None and has_done_its_work(self.entry.stack, self.one_shots, found)

    @property
    def others(self) -> tuple[Container, ...]:
        """Return the containers that are not of the stack."""
        return tuple(found for found in self.machine.containers or () if found not in self.own)
