"""Good certificates out of Caddy's sight, so that it orders new ones; and back again for the sites that got none."""

from __future__ import annotations

from opsbook.check import Seen, so
from opsbook.counted import counted
from opsbook.errors import NothingToUndo
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.issuing.standing import Standing, standings
from opsbook.moves.stored_certificates import store
from opsbook.systems.volume import AWAY

ASIDE, HAD = "set aside", "had"      # the id of the run that did it; by the sites' names, the serials of what was stored


def set_aside(host: Host, sites: tuple[str, ...]) -> None:
    """Hide what is stored for the sites, once; before that, keep what the way back needs."""
    place = store.folder(host)
    if ASIDE not in host.run.kept:      # else a killed run goes on: what is stored now may be new
        had = {one.name: one.kept.serial for one in standings(host) if one.kept is not None}
        host.keep(**{ASIDE: host.run.id, HAD: had, store.PATH: place.path})
    host.write(place.set_aside(host.run.kept[ASIDE], *sites))


def is_aside(host: Host) -> bool:
    """Return whether this run has set all of it aside."""
    return ASIDE in host.run.kept and f"{AWAY}{host.run.kept[ASIDE]}" in host.read(store.folder(host).listed())


def bring_back(host: Host) -> None:
    """Put back what each site had that got no new one, while Caddy stands still; raise NothingToUndo where no site needs it."""
    if ASIDE not in host.run.kept:
        raise NothingToUndo("nothing is put back: this run has set no certificate aside", host=host.name)
    lacking = [one.name for one in _of_those_that_had_one(host) if one.kept is None or one.kept.serial == _had(host)[one.name]]
    if not lacking:
        raise NothingToUndo("nothing is put back: every site that had a certificate has a new one", host=host.name)
    if so(host, serves_what_it_had, None):
        return
    place, run = store.folder(host), host.run.kept[ASIDE]
    there = host.read(place.listed())
    if not any(name.startswith(f"{AWAY}{run}") for name in there):
        raise NothingToUndo("what was set aside is gone: a later run has taken its place", saw=", ".join(there), host=host.name)
    with services.stopped(host, store.CADDY):
        host.write(place.bring_back(run, *lacking))


def serves_what_it_had(host: Host, p: object) -> Seen:  # noqa: ARG001
    """Every site that had a certificate is served with it again, or with a good new one, and Caddy keeps it."""
    now, found = host.now(), _of_those_that_had_one(host)
    wrong = [f"{one.name}: {why}; {one.told(now)}" for one in found if not _has_its_own(host, one) and (why := one.wrong(now))]
    return Seen(bool(found) and not wrong, "\n".join(wrong) or counted(len(found), "site"), f"opsbook logs {store.CADDY} {host.name}")


def _has_its_own(host: Host, one: Standing) -> bool:
    """Return whether it is served with what was stored when the run began, good or not."""
    return one.kept is not None and one.kept.serial == one.served == _had(host)[one.name]


def _of_those_that_had_one(host: Host) -> list[Standing]:
    return [one for one in standings(host) if one.name in _had(host)]


def _had(host: Host) -> dict[str, str]:
    had: dict[str, str] = host.run.kept.get(HAD, {})
    return had
