"""Which hosts a run is for: by name, by role, all, or the only one that fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opsbook.errors import UsageError
from opsbook.inventory import HostEntry, Inventory, Stack, nearest
from opsbook.page.fields import SERVICE, Field


@dataclass(frozen=True)
class Wanted:
    """What the operator typed about hosts."""

    names: tuple[str, ...] = ()
    group: str | None = None
    all: bool = False


def choose(inventory: Inventory, on: str, wanted: Wanted, services: Iterable[str] = ()) -> list[HostEntry]:
    """Return the hosts to run on; raise UsageError when there is none, or when it is not clear which."""
    if bool(wanted.names) + bool(wanted.group) + wanted.all > 1:
        raise UsageError("name hosts, or a --group, or --all: one of the three")
    needs = (on, *services)
    chosen = _named(inventory, needs, wanted.names) if wanted.names else _fitting(inventory, needs, wanted)
    for host in chosen:
        _complete(inventory, host)
    return chosen


def need_addresses(inventory: Inventory, hosts: Iterable[HostEntry]) -> None:
    """Raise UsageError naming the variables without which a host has no address; others, such as a key's, may be missing."""
    for host in hosts:
        if host.address is None:
            raise _not_set(host, inventory)


def fits(host: HostEntry, on: str) -> bool:
    """Return whether a runbook for `on` can run there: any host, one with a stack, one with that role, one with that service."""
    if on == "any":
        return True
    if on == "stack":
        return host.stack is not None
    return on in host.roles or (host.stack is not None and any(service.name == on for service in host.stack.services))


def check_names(inventory: Inventory, fields: Iterable[Field], values: Mapping[str, Any]) -> list[str]:
    """Return the services that the parameters name; raise UsageError for one that no stack has, with the nearest."""
    found: list[str] = []
    for field in fields:
        if field.in_inventory:
            names = values[field.name] if field.several else (values[field.name],)
            found.extend(_known(inventory, field, name) for name in names if name is not None)
    return found


def named(stacks: Iterable[Stack], field: Field) -> list[str]:
    """Return every name that the field may have, over these stacks."""
    services = [service for stack in stacks for service in stack.services]
    return sorted({service.name for service in services if field.marker == SERVICE or service.exporter})


def _known(inventory: Inventory, field: Field, name: str) -> str:
    known = named(inventory.stacks, field)
    if name in known:
        return name
    noun = field.marker.noun if field.marker else ""
    if (host := next((host for host in inventory.hosts if host.name == name), None)) is not None:
        there = known if host.stack is None else named([host.stack], field)
        raise UsageError(f"{name} is a host; say which {noun}", saw="" if there else "its stack has none", next=nearest("", there))
    raise UsageError(f'no stack has {_article(noun)} {noun} "{name}"', next=nearest(name, known))


def _article(noun: str) -> str:
    return "an" if noun[:1] in "aeiou" else "a"


def _named(inventory: Inventory, needs: tuple[str, ...], names: tuple[str, ...]) -> list[HostEntry]:
    chosen = [_host(inventory, name) for name in dict.fromkeys(names)]
    for host in chosen:
        for need in needs:
            if not fits(host, need):
                raise UsageError(_lacks(need), host=host.name, next=_who_fits(inventory, needs))
    return chosen


def _host(inventory: Inventory, name: str) -> HostEntry:
    if any(name == service.name for stack in inventory.stacks for service in stack.services) and name not in _names(inventory.hosts):
        raise UsageError(f"{name} is a service, not a host", next=nearest("", _names(inventory.hosts)))
    return inventory.host(name)


def _fitting(inventory: Inventory, needs: tuple[str, ...], wanted: Wanted) -> list[HostEntry]:
    fitting = [host for host in inventory.hosts if all(fits(host, need) for need in needs)]
    if wanted.group is not None:
        fitting = [host for host in fitting if wanted.group in host.roles]
        _known_role(inventory, wanted.group)
    if not fitting:
        wish = f"no host of group {wanted.group} fits" if wanted.group else "no host of the inventory fits"
        raise UsageError(wish, saw="; ".join(_lacks(need) for need in needs if need != "any"), next="opsbook hosts")
    if len(fitting) > 1 and not wanted.all and wanted.group is None:
        raise UsageError("several hosts fit: name some at the end, or --all", saw=", ".join(_names(fitting)))
    return fitting


def _known_role(inventory: Inventory, role: str) -> None:
    roles = sorted({role for host in inventory.hosts for role in host.roles})
    if role not in roles:
        raise UsageError(f'no host has the role "{role}"', next=nearest(role, roles))


def _lacks(need: str) -> str:
    return "it has no stack" if need == "stack" else f"it has neither the role nor the service {need}"


def _who_fits(inventory: Inventory, needs: tuple[str, ...]) -> str:
    names = [host.name for host in inventory.hosts if all(fits(host, need) for need in needs)]
    return f"it fits {', '.join(names)}" if names else "no host of the inventory fits"


def _complete(inventory: Inventory, host: HostEntry) -> None:
    """Raise UsageError when the host, or a jump host on the way to it, misses a variable."""
    at: HostEntry | None = host
    while at is not None:
        if at.missing:
            raise _not_set(at, inventory)
        at = inventory.host(at.jump) if at.jump else None


def _not_set(host: HostEntry, inventory: Inventory) -> UsageError:
    where = inventory.path.parent / ".env.local"
    mend = f"echo {host.missing[0]}=203.0.113.5 >> {where}   (or set it in the environment)"
    return UsageError(f"not set: {', '.join(host.missing)}", host=host.name, next=mend)


def _names(hosts: Iterable[HostEntry]) -> list[str]:
    return [host.name for host in hosts]
