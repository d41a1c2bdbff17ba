"""Faults of the compose configuration: a committed docker-compose.override.yml that holds all that are in force."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from opsbook.errors import UsageError
from opsbook.lab import gitserver, state
from opsbook.lab.faults.actions import apply, healthy, publish, withdraw
from opsbook.lab.lab import Lab
from opsbook.lab.state import Injected

FILE = "monitoring/docker-compose.override.yml"
COMPOSE = "monitoring/docker-compose.yml"
SERVICE = "service"
SETTINGS = "override"

Settings = Mapping[str, Any]


class Instead(list[str]):
    """A list that replaces the compose file's: Compose would join the two."""


class Dumper(yaml.SafeDumper):
    """Writes such a list with Compose's own tag."""


Dumper.add_representer(Instead, lambda dumper, value: dumper.represent_sequence("!override", value))


def put(lab: Lab, fault: str, service: str, settings: Settings) -> dict[str, str]:
    """Commit an override beside those that are in force, pull it, and let Compose apply it."""
    record = {SERVICE: service, SETTINGS: json.dumps(settings)}
    others = state.load(lab).without(fault).faults
    publish(lab, {FILE: text((*others, Injected(fault, (), record)))}, f"{service}: {fault}")
    apply(lab, service)
    return record


def take(lab: Lab, injected: Injected, service: str = "prometheus") -> None:
    """Commit the removal of an override, pull, apply, and wait until the service is well again."""
    others = state.load(lab).without(injected.name).faults
    withdraw(lab, {FILE: text(others)}, f"{service}: no longer {injected.name}")
    apply(lab, service)
    healthy(lab, service)


def text(faults: Iterable[Injected]) -> str | None:
    """Write the override file of all faults that have one; None when there are none."""
    services: dict[str, dict[str, Any]] = {}
    for fault in faults:
        if SETTINGS in fault.kept:
            services.setdefault(fault.kept[SERVICE], {}).update(json.loads(fault.kept[SETTINGS]))
    for settings in services.values():
        if "volumes" in settings:
            settings["volumes"] = Instead(settings["volumes"])
    return yaml.dump({"services": services}, Dumper=Dumper, sort_keys=True) if services else None


def configured(lab: Lab, service: str) -> dict[str, Any]:
    """Read a service's settings from the compose file upstream."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(gitserver.content(lab, COMPOSE))["services"]
    if service not in services:
        usual = f"opsbook lab break crash-loop {next(iter(services))}"
        raise UsageError(f"the stack has no service {service}", saw=f"it has {', '.join(services)}", next=usual)
    return services[service]
