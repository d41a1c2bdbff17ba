"""What a run aims at for each site: the stored certificate, or a new one; decided before it makes a process, and kept for a rerun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsbook.host import Host
from opsbook.moves.issuing.standing import Standing
from opsbook.systems.acme import BACKDATED
from opsbook.systems.tls import Certificate, Handshake

KEPT = "certificates"


@dataclass(frozen=True)
class Aim:
    """One site: `stored` is the serial that shall be served; where that is nothing, one that nobody has seen `before`."""

    stored: str
    served: str                 # when the run began
    before: tuple[str, ...]

    @property
    def reached(self) -> bool:
        """Return whether the site was served with it from the beginning."""
        return bool(self.stored) and self.stored == self.served

    def missed(self, found: Certificate | None, started: float) -> str:
        """Return why this certificate is not what the run aims at; nothing where it is."""
        if found is None:
            return "it is served with none"
        if self.stored:
            return "" if found.serial == self.stored else f"it is served with …{found.serial[-8:]}, not with …{self.stored[-8:]}"
        if found.serial in self.before:
            return f"it is still served with the old one, …{found.serial[-8:]}"
        return "" if found.starts >= started - BACKDATED else f"…{found.serial[-8:]} is older than this run"


def remember(host: Host, standing: Iterable[Standing], now: float, *, anew: bool) -> None:
    """Keep what the run aims at with the process that it is going to make; a rerun that only follows that one keeps it as it is."""
    known = aims(host)
    host.keep(**{KEPT: {one.name: _aim(one, known.get(one.name), now, anew=anew) for one in standing}})


def aims(host: Host) -> Mapping[str, Aim]:
    """Return what the run aims at, by the sites' names."""
    return {name: Aim(stored, served, tuple(before)) for name, (stored, served, before) in host.run.kept.get(KEPT, {}).items()}


def missed(host: Host, shown: Mapping[str, Handshake]) -> dict[str, str]:
    """Given what is shown for each site, return by name where that is not what the run aims at."""
    found = {name: aim.missed(shown[name].certificate, host.run.started) for name, aim in aims(host).items() if name in shown}
    return {name: why for name, why in found.items() if why}


def _aim(one: Standing, earlier: Aim | None, now: float, *, anew: bool) -> list[object]:
    stored = "" if anew else one.usable(now)
    before = earlier.before if earlier is not None else ()
    known = {*before, one.served, one.kept.serial if one.kept is not None else ""}
    return [stored, one.served, sorted(serial for serial in known if serial)]
