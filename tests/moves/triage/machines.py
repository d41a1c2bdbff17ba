"""Hosts that tests make up: all is well unless a test says otherwise."""

from __future__ import annotations

from dataclasses import replace

from opsbook.check import Seen
from opsbook.inventory import HostEntry
from opsbook.moves.triage.facts import Facts, Reload, Services
from opsbook.systems.certificate import Certificate
from opsbook.systems.commit import Commit
from opsbook.systems.container import PROJECT, SERVICE, Container
from opsbook.systems.disk import Disk
from opsbook.systems.machine_answers import Machine, Memory
from opsbook.systems.prometheus_state import Target
from opsbook.systems.rules import Group, Rule
from opsbook.systems.systemd import Clock
from tests.fake import ENTRY, SERVICES, STACK

NOW, GB, DAY = 1_700_000_000.0, 10**9, 86400.0
ROOT = Disk("/", "/dev/vda1", 100 * GB, 50 * GB, 10_000, 5_000)
CRITICAL = {"alertname": "ServerDown", "severity": "critical", "instance": "serverA:9100"}


def container(service: str, *, status: str = "running", health: str = "healthy", restarts: int = 0, age: float = 2 * DAY) -> Container:
    """A container of the stack."""
    return Container(
        f"{service}-id", f"monitoring-{service}-1", status, health if status == "running" else "", restarts,
        started=NOW - age, exit_code=0 if status == "running" else 1, labels={PROJECT: STACK.project, SERVICE: service},
    )  # fmt: skip


CONTAINERS = tuple(container(known.name) for known in SERVICES)


def but(*others: Container) -> tuple[Container, ...]:
    """The stack's containers with these in place of their own."""
    changed = {one.service for one in others}
    return (*(one for one in CONTAINERS if one.service not in changed), *others)


MACHINE = Machine(
    now=NOW,
    zone="+0000",
    load=(0.5, 0.4, 0.3),
    uptime=30 * DAY,
    cpus=2,
    memory=Memory(16 * GB, 8 * GB),
    oom_kills=0,
    kills=(),
    disks=(ROOT,),
    containers=CONTAINERS,
    clock=Clock("Etc/UTC", synchronized=True, service=True),
    failed_units=(),
    commits=(Commit("0123456789abcdef", "Anna", int(NOW - 7200), "Watch the queues"),),
    changes=(),
)
SPOKEN = Services(
    endpoints={known.name: Seen(ok=True) for known in SERVICES},
    reloads={"prometheus": Reload(ok=True, at=NOW - 60), "alertmanager": Reload(ok=True, at=NOW - 60)},
    rules=(Group("/rules/a.yml", "a", 60, (Rule("alert", "ServerDown", "up == 0"),)),),
    targets=(Target("node", "serverA:9100", "up"),),
    alerts=(),
    certificates={"prometheus.example": Certificate("prometheus.example", NOW - 30 * DAY, NOW + 60 * DAY, "CN=R3")},
)
WELL = Facts(ENTRY, MACHINE, skew=0.0, services=SPOKEN)
PLAIN = HostEntry("serverA", address="192.0.2.20", user="claude-admin", roles=("node",))


def machine(**changes: object) -> Facts:
    """A well host of which the machine tells this."""
    return replace(WELL, machine=replace(MACHINE, **changes))  # type: ignore[arg-type]


def spoken(**changes: object) -> Facts:
    """A well host of which the services tell this."""
    return replace(WELL, services=replace(SPOKEN, **changes))  # type: ignore[arg-type]
