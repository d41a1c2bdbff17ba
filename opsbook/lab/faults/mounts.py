"""The trap of single-file bind mounts: git replaces a file by rename, and the container keeps the old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsbook.errors import UsageError
from opsbook.lab import gitserver
from opsbook.lab.faults import overrides
from opsbook.lab.faults.actions import RULES, healthy, name, publish, reload, run, withdraw
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.stack import DIRECTORY
from opsbook.lab.state import Injected

RULE = "\n  - name: changed-while-mounted\n    rules:\n      - record: lab:changed_while_mounted\n        expr: vector(1)\n"
LINE = "\n# changed while mounted\n"
CHANGED = {  # which file of a service is changed, and what is added to it
    "prometheus": (f"{RULES}/infrastructure.yml", RULE),
    "alertmanager": ("monitoring/alertmanager/alertmanager.yml", LINE),
    "blackbox-exporter": ("monitoring/prometheus/blackbox.yml", LINE),
    "caddy": ("monitoring/Caddyfile", LINE),
    "loki": ("monitoring/loki/loki-config.yml", LINE),
    "promtail": ("monitoring/promtail/config-vps-i1.yml", LINE),
}
FILES = 'cd "$1" && if [ -d "$2" ]; then find "$2" -type f -printf "%P\\n"; fi'
RESTART = 'docker restart "$1"'


def strand(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Mount files one by one, let git replace one with a changed one, reload: all say yes, and the container has the old file."""
    service = chosen(args)
    record = one_by_one(lab, service)
    path, addition = CHANGED[service]
    publish(lab, {path: gitserver.content(lab, path) + addition}, f"Change {path}")
    if service == "prometheus":
        reload(lab)
    return record


def can_strand(_: Lab, args: tuple[str, ...]) -> None:
    """Refuse a service whose files it does not know."""
    if chosen(args) not in CHANGED:
        raise UsageError(f"stale-mount knows no service {chosen(args)}", saw=f"it knows {', '.join(CHANGED)}", next="opsbook lab break")


def one_by_one(lab: Lab, service: str) -> dict[str, str]:
    """Mount each file on its own, where the compose file mounts a folder; as many a site does from the start."""
    before: list[str] = overrides.configured(lab, service)["volumes"]
    after = [mount for volume in before for mount in split(lab, volume)]
    if after == before:
        return {}
    record = overrides.put(lab, "stale-mount", service, {"volumes": after})
    healthy(lab, service)
    return record


def split(lab: Lab, volume: str) -> Iterator[str]:
    """Split the mount of a folder of the checkout into mounts of its files."""
    source, target, *options = volume.split(":")
    files = run(lab, FILES, DIRECTORY, source).splitlines() if source.startswith("./") else []
    for file in sorted(files):
        yield ":".join((f"{source}/{file}", f"{target}/{file}", *options))
    if not files:
        yield volume


def unstrand(lab: Lab, injected: Injected) -> None:
    """Take the change and the mounts away, and let the service see the file that is there."""
    service = chosen(injected.args)
    path, addition = CHANGED[service]
    withdraw(lab, {path: gitserver.content(lab, path).replace(addition, "")}, f"Change {path} back")
    overrides.take(lab, injected, service)
    if not injected.kept:  # mounted one by one by the compose file itself
        run(lab, RESTART, name(service))
        healthy(lab, service)


def chosen(args: tuple[str, ...]) -> str:
    """Name the service whose file is replaced."""
    return args[0] if args else "prometheus"


FAULTS = (
    Fault(
        "stale-mount",
        "a container has the old file: it was replaced by rename under a single-file mount",
        strand,
        unstrand,
        "[SERVICE]",
        most=1,
        published=True,
        usual=("prometheus",),
        confirm=can_strand,
    ),
)
