"""Every site asked as a browser would, on the host itself, in one round trip: with a password, with another one, with none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.host import Host
from opsbook.inventory import Site
from opsbook.shell import Secret
from opsbook.systems.front_door import Page, page
from opsbook.systems.together import together

HERE = "127.0.0.1"
OK, SHUT = 200, 401


def pages(host: Host, sites: Iterable[Site], password: Secret | None) -> dict[str, Page]:
    """Return what each site answers."""
    asked = tuple(sites)
    found = host.read(together([page(site, HERE, password) for site in asked])) if asked else ()
    return {site.name: one for site, one in zip(asked, found, strict=True)}


def all_answer(host: Host, sites: Iterable[Site], password: Secret | None, status: int) -> Seen:
    """Return whether every site answers with that status."""
    found = pages(host, sites, password)
    wrong = {name: one for name, one in found.items() if one.status != status}
    saw = told(wrong) or f"{counted(len(found), 'site')}: {status}"
    return Seen(not wrong, saw, next=f"opsbook check-endpoints {host.name}")


def told(found: Mapping[str, Page]) -> str:
    """Return for people what the sites answered."""
    return "\n".join(f"{name}: {one.status if one.kind == 'answered' else one.why}" for name, one in found.items())
