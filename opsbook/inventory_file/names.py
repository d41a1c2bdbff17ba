"""Only the names in an inventory, mistakes and all: for TAB, which must be quick and never complain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsbook.inventory_file.document import mapping


@dataclass(frozen=True)
class Names:
    """What may be typed."""

    hosts: tuple[str, ...]
    roles: tuple[str, ...]
    services: tuple[str, ...]
    exporters: tuple[str, ...]


def names_in(path: Path) -> Names:
    """Return the names in the file; raise UsageError when it is no YAML."""
    whole = mapping(path, [])
    hosts = dict(_mappings(whole.get("hosts")))
    roles = [role for host in hosts.values() for role in _list(host.get("roles"))]
    services = [service for _, stack in _mappings(whole.get("stacks")) for service in _mappings(stack.get("services"))]
    exporters = [name for name, service in services if service.get("exporter") == "true"]
    return Names(tuple(hosts), tuple(roles), tuple(name for name, _ in services), tuple(exporters))


def _mappings(value: object) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(value, dict):
        yield from ((str(name), inner) for name, inner in value.items() if isinstance(inner, dict))


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
