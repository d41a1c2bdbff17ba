"""Back up Caddy's certificates, keys and ACME accounts.

When   before maintenance, after a change of sites, and regularly: a lost volume costs an order for each name, and the CA limits those.
Risk   reads: nothing is changed on the host; a new encrypted file is written on this machine.
Undo   not needed: delete the file.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from opsbook.answer import Answer, Table
from opsbook.backup import file, keys
from opsbook.backup.payload import Payload, written
from opsbook.counted import counted
from opsbook.errors import Refused, UsageError
from opsbook.host import Host
from opsbook.moves.services import expect_own_project
from opsbook.moves.stored_certificates import backup, store
from opsbook.moves.stored_certificates.standing import Standing, moment, standings
from opsbook.runbook import IDENTITY, RECIPIENT, SECRET

ON = "caddy"
EITHER = "give --recipient age1…|ssh-ed25519 …|FILE, or --passphrase prompt|-|FILE"


@dataclass(frozen=True)
class Params:
    """For whom, and where to."""

    recipient: Annotated[tuple[str, ...], RECIPIENT, "who can open it: age1…, ssh-ed25519 …, or a file of such lines"] = ()
    passphrase: Annotated[str | None, SECRET, "what opens it instead: prompt, - for standard input, or a file"] = None
    identity: Annotated[Path | None, IDENTITY, "a private key of a recipient, with which the file is opened again as a proof"] = None
    into: Annotated[Path | None, "the folder for it; ~/.local/share/opsbook/backups/HOST when not given"] = None

    def __post_init__(self) -> None:
        """Raise UsageError where it is not clear who can open it."""
        if bool(self.recipient) == (self.passphrase is not None):
            raise UsageError("who opens the backup? a recipient or a passphrase", saw="both" if self.recipient else "neither", next=EITHER)


def backup_certs(host: Host, p: Params) -> Answer:
    """Take the storage at one moment, seal it, and open the file again."""
    keys.recipients(p.recipient)
    expect_own_project(host)
    payload, stand = _taken(host)
    folder = p.into or file.default_folder(os.environ, host.name, lab=host.entry.lab)
    path, digest = file.keep(folder, backup.named(payload.manifest), backup.sealed(host, p, written(payload)))
    opened = _opens(host, p, path, payload)
    proof = "opened again, it is what lies on the host" if opened else "not opened again: that takes --identity; its checksum is right"
    return _answer(payload, stand, {"path": str(path), "sha256": digest, "opened": opened}, proof)


def _taken(host: Host) -> tuple[Payload, tuple[Standing, ...]]:
    """Return what lies on the host, and how it stands with each site."""
    files = store.take(host, store.folder(host))
    if not store.certificates(files):
        what, again = "Caddy's storage holds no certificate", f"opsbook check-endpoints {host.name}"
        raise Refused(what, saw=counted(len(files), "file"), next=again, host=host.name)
    stand = standings(host, files, host.now())
    return backup.made(host, files, {one.site: one.served for one in stand}), stand


def _opens(host: Host, p: Params, path: Path, payload: Payload) -> bool:
    """Read the file again; return whether there was a key to open it. Raise Refused where it is not what was taken."""
    file.load(path)
    if p.passphrase is None and p.identity is None:
        return False
    found, _ = backup.opened(host, p, path)
    if found.manifest != payload.manifest or set(found.files) != set(payload.files):
        raise Refused("the file that was written is not what was taken", saw=str(path), host=host.name)
    return True


def _answer(payload: Payload, stand: tuple[Standing, ...], where: dict[str, object], proof: str) -> Answer:
    bad = [f"{one.site}: {one.wrong}" for one in stand if one.wrong]
    rows = tuple((one.site, one.serial[-12:] or "-", moment(one.ends), one.wrong or "yes") for one in stand)
    return Answer(
        data={**where, "files": len(payload.files), "sites": [asdict(one) for one in stand]},
        table=Table(("site", "serial", "until", "served"), rows),
        lines=(str(where["path"]), f"{counted(len(payload.files), 'file')}, each by its SHA-256 as on the host", proof),
        trouble="; ".join(bad),
    )


ANSWER = backup_certs
