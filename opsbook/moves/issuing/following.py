"""How the orders go: for each site whether it has what the run aims at, or what Caddy said last of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.endpoints.loopback import shown_here
from opsbook.moves.issuing import aim
from opsbook.systems import caddy_log
from opsbook.systems.caddy_log import Entry
from opsbook.systems.container import Container
from opsbook.systems.tls import Handshake

CADDY = "caddy"
LOOK_EVERY = 1.0
# Problems of RFC 8555 that say the authority does not take the stored account. Caddy before 2.9 registers an account for each site at
# once, and may store the key of one beside the address of another (caddyserver/certmagic#293): every later order is refused then.
NO_ACCOUNT = ("acme:error:malformed", "acme:error:accountDoesNotExist")
HOPELESS = ("rateLimited", "rejectedIdentifier", "caa", *NO_ACCOUNT)    # for these a further attempt, soon, is in vain


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

    @property
    def account_refused(self) -> bool:
        """Return whether the authority does not take the account that Caddy has stored, so that no order can succeed."""
        return any(sign in words for words in self.words.values() for sign in NO_ACCOUNT)

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


def follow(host: Host, patience: float) -> None:
    """Say whatever changes until every site has its certificate, no attempt can help, or the time is over; the proof judges."""
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
            return
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
