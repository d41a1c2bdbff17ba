"""Faults of how Prometheus and its neighbours are configured."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.errors import UsageError
from opsbook.lab import gitserver
from opsbook.lab.faults import overrides
from opsbook.lab.faults.actions import health, healthy, publish, reload, withdraw
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.state import Injected
from opsbook.lab.wait import until

LIFECYCLE = "--web.enable-lifecycle"
# Not healthy for N seconds, then the real program: as slow as replaying a long write-ahead log.
SLOWLY = "trap 'exit 143' TERM; sleep {seconds} & wait $$!; exec /bin/prometheus \"$$@\""
PROMETHEUS_YML = "monitoring/prometheus/prometheus.yml"
GLOB, EMPTY_GLOB = "rules/*.yml", "rules/*.yaml"
SECONDS = 8


def switch_lifecycle_off(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Start Prometheus without the flag that its reload API needs."""
    command = [part for part in overrides.configured(lab, "prometheus")["command"] if part != LIFECYCLE]
    record = overrides.put(lab, "no-lifecycle", "prometheus", {"command": command})
    healthy(lab, "prometheus")
    return record


def start_slowly(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Make every start of Prometheus take some seconds, and wait for the first."""
    seconds = int(args[0]) if args else SECONDS
    entrypoint = ["/bin/sh", "-c", SLOWLY.format(seconds=seconds), "prometheus"]
    command = overrides.configured(lab, "prometheus")["command"]
    record = overrides.put(lab, "slow-start", "prometheus", {"entrypoint": entrypoint, "command": command})
    healthy(lab, "prometheus", within=seconds + 60)
    return record


def loop(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Give a service a flag that it does not know: it ends, Docker starts it, it ends."""
    service = looping(args)
    record = overrides.put(lab, "crash-loop", service, {"command": ["--no-such-flag"]})
    until(f"{service} restarts", lambda: health(lab, service) not in ("healthy", "starting"), within=30)
    return record


def can_loop(lab: Lab, args: tuple[str, ...]) -> None:
    """Refuse a service that the stack does not have."""
    overrides.configured(lab, looping(args))


def are_seconds(_: Lab, args: tuple[str, ...]) -> None:
    """Refuse what is no number."""
    if args and not args[0].isdigit():
        raise UsageError("slow-start wants a number of seconds", saw=args[0], next=f"opsbook lab break slow-start {SECONDS}")


def unloop(lab: Lab, injected: Injected) -> None:
    """Give the service its own flags back."""
    overrides.take(lab, injected, looping(injected.args))


def looping(args: tuple[str, ...]) -> str:
    """Name the service that loops."""
    return args[0] if args else "alertmanager"


def empty_glob(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Let `rule_files` match nothing: Prometheus is healthy and watches over nothing."""
    publish(lab, {PROMETHEUS_YML: replaced(lab, GLOB, EMPTY_GLOB)}, "Name rule files .yaml")
    reload(lab)
    return {}


def fill_glob(lab: Lab, _: Injected) -> None:
    """Let `rule_files` match again."""
    withdraw(lab, {PROMETHEUS_YML: replaced(lab, EMPTY_GLOB, GLOB)}, "Name rule files .yml again")
    reload(lab)


def replaced(lab: Lab, old: str, new: str) -> str:
    """Return prometheus.yml with a text replaced."""
    return gitserver.content(lab, PROMETHEUS_YML).replace(old, new)


FAULTS = (
    Fault("no-lifecycle", "Prometheus runs without --web.enable-lifecycle", switch_lifecycle_off, overrides.take, published=True),
    Fault(
        "slow-start",
        "each start of Prometheus takes some seconds more",
        start_slowly,
        overrides.take,
        "[SECONDS]",
        most=1,
        published=True,
        usual=(str(SECONDS),),
        confirm=are_seconds,
    ),
    Fault(
        "crash-loop",
        "a service ends as soon as it starts, again and again",
        loop,
        unloop,
        "[SERVICE]",
        most=1,
        published=True,
        usual=("alertmanager",),
        confirm=can_loop,
    ),
    Fault("empty-glob", "rule_files matches no file: all is healthy and nothing is watched", empty_glob, fill_glob, published=True),
)
