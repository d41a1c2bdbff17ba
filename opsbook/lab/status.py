"""What the lab is doing, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass

from opsbook.lab import authority, gitserver, lights, mirror, state
from opsbook.lab.docker import attempt
from opsbook.lab.engine import ask
from opsbook.lab.lab import Lab
from opsbook.lab.profile import SITE, HostSpec, Profile
from opsbook.lab.state import Injected

FIELDS = (
    '{"name": {{with index .Config.Labels "com.docker.compose.service"}}{{json .}}{{else}}{{json (slice .Name 1)}}{{end}}, '
    '"image": {{json .Config.Image}}, '
    '"state": {{json .State.Status}}, "health": {{if .State.Health}}{{json .State.Health.Status}}{{else}}""{{end}}, '
    '"stand_in": {{if index .Config.Labels "opsbook.stand-in"}}true{{else}}false{{end}}}'
)
SERVICES = 'docker ps --all --quiet | xargs --no-run-if-empty docker inspect --format "$1"'


@dataclass(frozen=True)
class ServiceStatus:
    """One container of a host."""

    name: str
    image: str
    state: str
    health: str
    stand_in: bool


@dataclass(frozen=True)
class HostStatus:
    """One server of the lab."""

    name: str
    state: str  # running, exited …, or absent
    port: int | None  # of its sshd on loopback; none where nobody logs in
    services: tuple[ServiceStatus, ...] = ()


@dataclass(frozen=True)
class Status:
    """The lab as a whole."""

    name: str
    engine: str  # its version; empty when none answers
    hosts: tuple[HostStatus, ...]
    faults: tuple[Injected, ...]

    @property
    def up(self) -> bool:
        """Whether every host runs."""
        return bool(self.hosts) and all(host.state == "running" for host in self.hosts)


def status(lab: Lab, profile: Profile = SITE) -> Status:
    """Look at the hosts that were brought up, and change nothing."""
    engine, known = ask(), state.load(lab)
    hosts = tuple(host(lab, spec, known.ports[spec.name]) for spec in profile.hosts if spec.name in known.ports) if engine else ()
    light = (HostStatus(f"{known.lights} light hosts", lights.condition(lab), None),) if engine and known.lights else ()
    beside = tuple(server(lab, name) for name in serving(profile.only(known.ports))) if engine else ()
    return Status(lab.name, engine.version if engine else "", (*hosts, *beside, *light), known.faults)


def serving(profile: Profile) -> tuple[str, ...]:
    """Name the servers beside the hosts that these hosts need."""
    needed = tuple(name for name in (gitserver.NAME, mirror.NAME) if profile.needs(name))
    return (authority.NAME, *needed) if profile.hosts else ()


def server(lab: Lab, name: str) -> HostStatus:
    """Ask for one server beside the hosts."""
    return HostStatus(name, condition(lab, name), None)


def host(lab: Lab, spec: HostSpec, port: int | None) -> HostStatus:
    """Ask for one host."""
    now = condition(lab, spec.name)
    asked = now == "running" and spec.docker
    return HostStatus(spec.name, now, port, services(lab.container(spec.name)) if asked else ())


def condition(lab: Lab, name: str) -> str:
    """Return the state of a container."""
    shown = attempt("container", "inspect", "--format={{.State.Status}}", lab.container(name))
    return "absent" if shown.returncode else shown.stdout.decode().strip()


def services(container: str) -> tuple[ServiceStatus, ...]:
    """Ask the host's own engine; one that is down has no services to show."""
    shown = attempt("exec", container, "bash", "-c", SERVICES, "lab", FIELDS)
    return parse(shown.stdout.decode()) if shown.returncode == 0 else ()


def parse(lines: str) -> tuple[ServiceStatus, ...]:
    """Read one JSON object a line, sorted by name."""
    return tuple(sorted((ServiceStatus(**json.loads(line)) for line in lines.splitlines() if line), key=lambda one: one.name))
