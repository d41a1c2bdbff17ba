"""What the doctor knows of a host that lets us in; `None` is what could not be read, and `why` says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsbook.inventory import HostEntry
from opsbook.record import Record
from opsbook.systems.container import ONE_OFF, PROJECT, Container, of
from opsbook.systems.files import Stat
from opsbook.systems.machine_answers import Machine
from opsbook.systems.sudo import Grant
from opsbook.systems.thanos import Store


@dataclass(frozen=True)
class Facts:
    """One host at one moment."""

    entry: HostEntry
    machine: Machine = field(default_factory=Machine)
    skew: float | None = None                   # seconds that the host's clock is ahead of ours
    forwards: bool | None = None
    user: str = ""
    groups: tuple[str, ...] = ()
    grants: tuple[Grant, ...] | None = None
    programs: Mapping[str, str] | None = None   # the hashes of the privileged programs, by path
    firewall: str | None = None                 # what `ufw status verbose` prints
    docker: str | None = None                   # the engine's version
    driver: str | None = None                   # how it stores images
    compose: str | None = None
    lock: str | None = None                     # who holds it; empty: nobody
    record: Record | None = None
    again: str = ""                             # the command line that resumes it
    env: Stat | None = None
    env_text: str | None = field(default=None, repr=False)
    foreign: tuple[str, ...] | None = None      # paths of the checkout that are not ours
    single_files: frozenset[str] = frozenset()  # sources of mounts that are files
    caddyfile: str | None = None
    external_labels: Mapping[str, str] | None = None
    stores: tuple[Store, ...] | None = None
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the inventory name."""
        return self.entry.name

    @property
    def needs_docker(self) -> bool:
        """Return whether the inventory says that Docker runs there."""
        return self.entry.stack is not None or "docker" in self.entry.roles

    @property
    def own(self) -> tuple[Container, ...]:
        """Return the containers of the host's stack."""
        project = self.entry.stack.project if self.entry.stack else ""
        of_it = (found for found in self.machine.containers or () if found.labels.get(PROJECT) == project)
        return tuple(found for found in of_it if found.labels.get(ONE_OFF) != "True")

    def service(self, name: str) -> Container | None:
        """Return the container of that service."""
        return of(self.own, name)
