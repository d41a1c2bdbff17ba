"""Put Caddy's certificates, keys and ACME accounts back from a backup.

When   Caddy's volume was lost or spoilt, or the server was made anew: nothing is ordered from the CA for that.
Risk   severe: Caddy is away for the seconds of its start, and serves what the backup holds from then on.
Undo   opsbook undo RUN puts back what the storage held before, unless Caddy has got new certificates since.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from opsbook.check import Seen, within
from opsbook.host import Host
from opsbook.moves import neighbours, services
from opsbook.moves.patience import settle
from opsbook.moves.stored_certificates import restoring
from opsbook.moves.stored_certificates.restoring import Wish
from opsbook.moves.stored_certificates.store import CADDY
from opsbook.runbook import BACKUP, IDENTITY, SECRET

ON = "caddy"


@dataclass(frozen=True)
class Params:
    """Which backup, what opens it, and what is accepted."""

    backup: Annotated[Path, BACKUP, "the file that backup-certs has written"]
    passphrase: Annotated[str | None, SECRET, "what opens it: prompt, - for standard input, or a file; prompt when it needs one"] = None
    identity: Annotated[Path | None, IDENTITY, "the private key that opens it: a file of age identities, or an SSH key"] = None
    other_host: Annotated[bool, "the backup is another host's, and that is meant"] = False
    older: Annotated[bool, "the backup is older than what is served, and that is meant"] = False
    partly: Annotated[bool, "Caddy may order what the backup lacks"] = False


def wish(p: Params) -> Wish:
    """Return all of it as the moves take it."""
    return Wish(p.backup, p.passphrase, p.identity, p.other_host, p.older, p.partly)


def look(host: Host, p: Params) -> None:
    """Open the backup, and compare it with what is there and what is served."""
    services.expect_own_project(host)
    restoring.look(host, wish(p))
    neighbours.remember(host, CADDY)


def put_in_place(host: Host, p: Params) -> None:
    """Swap Caddy's storage for the backup's while Caddy stands still, and start it."""
    restoring.put_in_place(host, wish(p))


def start_anew(host: Host, p: Params) -> None:
    """Start Caddy anew where it serves others than those in its storage."""
    restoring.start_anew(host, wish(p))


def serves_the_backup(host: Host, p: Params) -> Seen:
    """Each site is served with the backup's certificate, and its chain leads to a root that the host trusts."""
    return restoring.serves_the_backup(host, wish(p))


def holds_the_backup(host: Host, p: Params) -> Seen:
    """Caddy's storage holds the backup's certificates, keys and accounts, and Caddy has ordered none."""
    return restoring.holds_the_backup(host, wish(p))


def caddy_is_healthy(host: Host, p: Params) -> Seen:
    """Caddy is healthy."""
    return services.is_healthy(host, CADDY)


def others_are_untouched(host: Host, p: Params) -> Seen:
    """The other services ran on."""
    return neighbours.are_untouched(host)


def put_back(host: Host, p: Params) -> None:
    """Put back what the storage held before, while Caddy stands still, and start it."""
    restoring.put_back(host, wish(p))


def is_as_before(host: Host, p: Params) -> Seen:
    """Caddy's storage holds what it held before, and what was served from it is served again."""
    return restoring.is_as_before(host, wish(p))


def what_caddy_logged(host: Host, p: Params) -> str:
    """The last lines of Caddy's log."""
    return services.last_words(host, CADDY, lines=40)


STEPS = (look, put_in_place, start_anew)
PROOF = (within(settle, serves_the_backup), holds_the_backup, within(settle, caddy_is_healthy), others_are_untouched)
UNDO, UNDONE = (put_back,), (within(settle, is_as_before), within(settle, caddy_is_healthy), others_are_untouched)
EVIDENCE = (what_caddy_logged,)
