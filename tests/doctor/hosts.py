"""A host in which the doctor finds nothing to mend, and how to change one thing of it."""

from __future__ import annotations

from dataclasses import replace

from opsbook.doctor.facts import Facts
from opsbook.inventory import HostEntry
from opsbook.privileged import ALL
from opsbook.systems.container import PROJECT, SERVICE, Container, Mount, Port
from opsbook.systems.disk import Disk
from opsbook.systems.files import Stat
from opsbook.systems.machine_answers import Machine
from opsbook.systems.sudo import Grant
from opsbook.systems.systemd import Clock
from opsbook.systems.thanos import Store
from tests.fake import ENTRY, STACK

GB = 10**9
PLAIN = HostEntry("serverA", address="192.0.2.20", user="claude-admin", roles=("node",))
LABELS = {PROJECT: STACK.project}


def container(service: str, image: str, *command: str, port: Port | None = None, mount: Mount | None = None, test: str = "") -> Container:
    """A container of the stack."""
    return Container(
        service, f"monitoring-{service}-1", "running", image=image, command=command, labels={**LABELS, SERVICE: service},
        ports=(port,) if port else (), mounts=(mount,) if mount else (), health_test=tuple(test.split()),
    )  # fmt: skip


PROMETHEUS = container(
    "prometheus", "prom/prometheus:v2.53.3", "--web.enable-lifecycle", "--storage.tsdb.retention.time=15d",
    "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h", port=Port(9090, 9090, "127.0.0.1"),
)  # fmt: skip
SIDECAR = container("thanos-sidecar", "quay.io/thanos/thanos:v0.36.1", "sidecar", "--objstore.config-file=/etc/thanos/s3.yml")
QUERY = container("thanos-query", "quay.io/thanos/thanos:v0.36.1", "query", "--endpoint=thanos-sidecar:10901")
ALERTMANAGER = container(
    "alertmanager", "prom/alertmanager:v0.28.1", "--storage.path=/alertmanager", mount=Mount("volume", "", "/alertmanager", "am_data")
)
LOKI = container("loki", "grafana/loki:3.4.5", test="CMD wget http://127.0.0.1:3100/ready")
CADDY = container("caddy", "caddy:2.6.2-alpine", port=Port(443, 443))
EXPORTER = container("queue-exporter", "monitoring-queue-exporter")
STACKED = (PROMETHEUS, SIDECAR, QUERY, ALERTMANAGER, LOKI, CADDY, EXPORTER)
MACHINE = Machine(
    now=1.7e9,
    disks=(Disk("/", "/dev/vda1", 100 * GB, 50 * GB, 1000, 900),),
    containers=STACKED,
    clock=Clock("Etc/UTC", synchronized=True, service=True),
    changes=(),
)
WELL = Facts(
    ENTRY,
    MACHINE,
    skew=0.0,
    forwards=True,
    user="claude-admin",
    groups=("claude-admin",),
    grants=tuple(Grant("root", f'{act.path} ""', password=False) for act in ALL),
    programs={act.path: act.sha256 for act in ALL},
    firewall="Status: active\nDefault: deny (incoming), allow (outgoing)",
    docker="26.1",
    driver="overlay2",
    compose="2.26.1-4",
    lock="",
    env=Stat(0o600, "claude-admin", "claude-admin", 100, 0, "regular file"),
    env_text="A=plain\n",
    foreign=(),
    caddyfile="x {\n\tbasicauth {\n\t}\n}",
    external_labels={"replica": "a"},
    stores=(Store("sidecar", "a"),),
)


def but(*others: Container) -> Facts:
    """The well host with these containers in place of its own."""
    changed = {one.service for one in others}
    kept = (one for one in STACKED if one.service not in changed)
    return replace(WELL, machine=replace(MACHINE, containers=(*kept, *others)))


def machine(**changes: object) -> Facts:
    """The well host of which the machine tells this."""
    return replace(WELL, machine=replace(MACHINE, **changes))  # type: ignore[arg-type]
