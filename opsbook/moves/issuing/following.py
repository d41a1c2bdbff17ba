"""How the orders go: for each site whether it has what the run aims at, or what Caddy said last of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.endpoints.loopback import shown_here
from opsbook.moves.issuing import account, aim
from opsbook.systems import caddy_log
from opsbook.systems.caddy_log import Entry
from opsbook.systems.container import Container
from opsbook.systems.tls import Handshake

CADDY = "caddy"
LOOK_EVERY = 1.0
HOPELESS = ("rateLimited", "rejectedIdentifier", "caa", *account.REFUSED)    # for these a further attempt, soon, is in vain


@dataclass(frozen=True)
class Progress:
    """One look at all sites: what each lacks, and what Caddy said last of it."""

    lacking: Mapping[str, str]
    words: Mapping[str, str]
    down: str = ""

    @property
    def over(self) -> bool:
        """Return whether waiting longer cannot help."""
        return not self.lacking or all(any(sign in self.words.get(name, "") for sign in HOPELESS) for name in self.lacking)

    def lines(self, names: Iterable[str]) -> dict[str, str]:
        """Return a line for each site."""
        return {name: f"{name}: {self._line(name)}" for name in names}

    def _line(self, name: str) -> str:
        if name not in self.lacking:
            return "has its certificate"
        said = f"; Caddy: {self.words[name]}" if name in self.words else ""
        return (self.down or "waiting") + said


def look(host: Host) -> tuple[Progress, Mapping[str, Handshake]]:
    """Return how far it is, and what is served now."""
    shown = shown_here(host)
    lacking = aim.missed(host, shown)
    found = services.container(host, CADDY)
    down = "" if found is not None and found.running else f"Caddy is {found.state}" if found is not None else "Caddy has no container"
    return Progress(lacking, _words(host, found, lacking) if found is not None and lacking else {}, down), shown


def follow(host: Host, patience: float) -> Progress:
    """Say whatever changes until every site has its certificate, no attempt can help, or the time is over; return the last look."""
    known: dict[str, str] = {}
    deadline = host.clock() + patience
    while True:
        progress, _ = look(host)
        lines = progress.lines(aim.aims(host))
        for name, line in lines.items():
            if known.get(name) != line:
                host.say(line)
        known = lines
        left = deadline - host.clock()
        if progress.over or left <= 0:
            return progress
        host.pause(min(LOOK_EVERY, left))


def _words(host: Host, found: Container, lacking: Iterable[str]) -> dict[str, str]:
    """Return the present process's last complaint about each site since the run began; nothing where the log cannot be read."""
    try:
        log = host.read(caddy_log.entries(found.id, max(host.run.started, found.started)))
    except CommandFailed:
        return {}
    last = {name: _last(log, name) for name in lacking}
    return {name: str(entry) for name, entry in last.items() if entry is not None}


def _last(log: Iterable[Entry], name: str) -> Entry | None:
    bad = [entry for entry in log if entry.level == "error" and entry.is_of(name)]
    telling = [entry for entry in bad if entry.text != "will retry"]
    return next(reversed(telling or bad), None)
