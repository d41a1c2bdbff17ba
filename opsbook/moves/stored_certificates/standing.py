"""The certificates of a storage beside what is served: for each site, which one, until when, and what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from opsbook.backup.tarball import Stored
from opsbook.host import Host
from opsbook.moves.stored_certificates import store
from opsbook.moves.stored_certificates.store import Held
from opsbook.systems import tls
from opsbook.systems.tls import Handshake

HERE = "127.0.0.1"


@dataclass(frozen=True)
class Standing:
    """One site: what the storage has for it, what it is served with, and why that is not well, if it is not."""

    site: str
    serial: str = ""
    ends: float = 0.0
    served: str = ""
    wrong: str = ""


def names(host: Host, found: Iterable[Held]) -> tuple[str, ...]:
    """Return the stack's sites; where the inventory names none, what the certificates are made out to."""
    sites = tuple(site.name for site in host.stack.sites)
    return sites or tuple(sorted({name for one in found for name in one.leaf.names if "*" not in name}))


def handshakes(host: Host, sites: Iterable[str]) -> dict[str, Handshake]:
    """Ask the host's own port for each site."""
    ports = {site.name: site.port for site in host.stack.sites}
    return {name: host.read(tls.shown(HERE, name, ports.get(name, 443))) for name in sites}


def standings(host: Host, files: tuple[Stored, ...], now: float) -> tuple[Standing, ...]:
    """Return how each site stands."""
    found = store.certificates(files)
    shown = handshakes(host, names(host, found))
    return tuple(_standing(name, shake, store.of_site(found, name), now) for name, shake in shown.items())


def usable(found: Iterable[Held], name: str, now: float) -> tuple[Held, ...]:
    """Return the certificates of the site that can be served: with their key, and not over yet."""
    return tuple(one for one in store.of_site(found, name) if one.fits and one.leaf.starts <= now < one.leaf.ends)


def moment(seconds: float) -> str:
    """Return the time to the minute, in UTC; a dash for none."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)) if seconds else "-"


def _standing(name: str, shake: Handshake, found: tuple[Held, ...], now: float) -> Standing:
    served = shake.certificate.serial if shake.certificate else ""
    one = next((each for each in found if each.leaf.serial == served), found[0] if found else None)
    if one is None:
        return Standing(name, served=served, wrong="the storage has no certificate for it")
    return Standing(name, one.leaf.serial, one.leaf.ends, served, _wrong(one, shake, now))


def _wrong(one: Held, shake: Handshake, now: float) -> str:
    if not one.fits:
        return "the private key in the storage is not the certificate's"
    if now >= one.leaf.ends:
        return "it has expired"
    if shake.certificate is None:
        return f"it is not served: {shake.why}"
    return "" if shake.certificate.serial == one.leaf.serial else "another certificate is served than the storage has"
