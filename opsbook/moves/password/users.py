"""Who uses a password: what the inventory says of the stack's sites and services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from opsbook.errors import Refused, UsageError
from opsbook.host import Host
from opsbook.inventory import Service, Site

GRAFANA, CADDY = "grafana", "caddy"


class Wanted(Protocol):
    """What the operator asked for."""

    @property
    def new(self) -> str:
        """Where the new password comes from."""

    @property
    def to(self) -> str:
        """Where a generated one goes."""

    @property
    def old(self) -> str | None:
        """Where the present one comes from, if not from `.env` alone."""

    @property
    def key(self) -> str | None:
        """Its key in `.env`."""

    @property
    def edit_checkout(self) -> bool:
        """Whether a file that git tracks may be edited."""


@dataclass(frozen=True)
class Users:
    """The sites and the Grafana that have the password of this key."""

    key: str
    sites: tuple[Site, ...]
    grafana: Service | None


def users(host: Host, p: Wanted) -> Users:
    """Return them; raise UsageError where the inventory names no password, or several, Refused for a service that we cannot change."""
    key = p.key or _only_key(host)
    sites = tuple(site for site in host.stack.sites if site.password_key == key)
    services = {service.name: service for service in host.stack.services if service.password_key == key}
    grafana = services.pop(GRAFANA, None)
    if not sites and grafana is None:
        raise UsageError(f"no site of {host.stack.name} has the password {key}", next="opsbook hosts", host=host.name)
    if services:
        first = next(iter(services))
        next_ = f"opsbook rotate-web-auth {first} {host.name}, where each has a key of its own in .env"
        raise Refused(f"{', '.join(services)} would keep the old password: it is in a file of their own", next=next_, host=host.name)
    return Users(key, sites, grafana)


def _only_key(host: Host) -> str:
    found = sorted({site.password_key for site in host.stack.sites if site.password_key is not None})
    if len(found) != 1:
        what = "which password? the sites of this stack have several" if found else "no site of this stack has a password in the inventory"
        raise UsageError(what, saw=", ".join(found), next="--key NAME" if found else "opsbook hosts", host=host.name)
    return found[0]
