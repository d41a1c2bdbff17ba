"""How many certificates a site was given lately, as far as this host can tell, beside what its authority allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsbook import record
from opsbook.errors import CommandFailed, Refused
from opsbook.host import Host
from opsbook.moves.issuing.aim import KEPT
from opsbook.moves.issuing.standing import Standing
from opsbook.record.note import notes
from opsbook.systems import acme
from opsbook.systems.caddy_log import TRIED, Entry

SAME = 2 * 3600     # seconds: two sources that tell of a certificate so close together tell of the same one
NOTES = 500
COUNTED = "counted in Caddy's log, its storage and earlier runs; what an older container or another host was given is not known"
ISSUED = "issued"


@dataclass(frozen=True)
class Told:
    """One source's word that a site got a certificate."""

    at: float
    source: str


def issues(now: float, name: str, log: Iterable[Entry], standing: Standing, earlier: Iterable[float]) -> int:
    """Return how many certificates the site got in a week; what two sources tell at about the same time counts once."""
    told = [Told(entry.at, "log") for entry in log if entry.issued and entry.is_of(name)]
    told += [Told(at, "runs") for at in earlier]
    if standing.kept is not None:
        told.append(Told(standing.kept.starts, "storage"))
    return _certificates(sorted((one for one in told if one.at > now - acme.WEEK), key=lambda one: one.at))


def failures(now: float, name: str, log: Iterable[Entry]) -> int:
    """Return how many validations of the site failed within an hour."""
    return sum(entry.text == TRIED and entry.is_of(name) and entry.at > now - acme.HOUR for entry in log)


def earlier(host: Host, now: float) -> dict[str, list[float]]:
    """Return when earlier runs of this runbook saw new certificates, by the sites' names; an unreadable record tells nothing."""
    found: dict[str, list[float]] = {}
    for run in _runs(host, now):
        for name, at in _issued(host, run).items():
            found.setdefault(name, []).append(at)
    return found


def _certificates(told: Iterable[Told]) -> int:
    """Given what is told, in order of time, return of how many certificates: each source tells of one once."""
    found: list[tuple[float, set[str]]] = []        # when it was first told of, and by whom
    for one in told:
        same = next((sources for at, sources in found if one.source not in sources and one.at - at < SAME), None)
        if same is None:
            found.append((one.at, {one.source}))
        else:
            same.add(one.source)
    return len(found)


def _runs(host: Host, now: float) -> list[str]:
    try:
        known = host.read(notes(NOTES))
    except CommandFailed:
        return []
    own = (note for note in known if note.runbook == host.run.runbook and note.phase == "end" and note.at > now - acme.WEEK)
    return list(dict.fromkeys(note.run for note in own if note.run != host.run.id))


def _issued(host: Host, run: str) -> Mapping[str, float]:
    try:
        found = host.read(record.done(run))
    except (CommandFailed, Refused):
        return {}
    return found.kept.get(ISSUED, {}) if found is not None and KEPT in found.kept else {}
