"""A backup of certificates: sealed and opened on the operator's machine, and judged before it goes anywhere."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from opsbook import age
from opsbook.backup import file, keys, payload
from opsbook.backup.payload import Manifest, Payload
from opsbook.backup.tarball import Stored
from opsbook.errors import PlanEnds, UsageError
from opsbook.host import Host
from opsbook.moves.stored_certificates import store

PASSPHRASE = "the passphrase of the backup"  # noqa: S105  what the operator is asked for
PROMPT = "prompt"
ASKED = {PROMPT, "-"}      # somebody types it


class Sealing(Protocol):
    """Params that say for whom a backup is sealed."""

    @property
    def recipient(self) -> tuple[str, ...]:
        """`age1…`, `ssh-…` or files of them."""

    @property
    def passphrase(self) -> str | None:
        """Where the passphrase comes from."""


class Opening(Protocol):
    """Params that say what opens a backup."""

    @property
    def passphrase(self) -> str | None:
        """Where the passphrase comes from."""

    @property
    def identity(self) -> Path | None:
        """A file of age identities, or an SSH key."""


def sealed(host: Host, p: Sealing, plain: bytes) -> bytes:
    """Return the bytes, sealed as the operator wants."""
    if p.passphrase is not None:
        return age.sealed_by(host.obtain(PASSPHRASE, p.passphrase), plain)
    return age.sealed_for(keys.recipients(p.recipient), plain)


def opened(host: Host, p: Opening, path: Path) -> tuple[Payload, str]:
    """Return what the backup holds, and its SHA-256 where one beside it agrees; raise Refused where it cannot be opened or is damaged.

    A plan ends here where somebody would have to type the passphrase.
    """
    content, digest = file.load(path)
    found = payload.read(_plain(host, p, content))
    store.learn(host, found.files)
    return found, digest


def made(host: Host, files: tuple[Stored, ...], sites: dict[str, str]) -> Payload:
    """Return the files with their manifest, taken now."""
    return Payload(Manifest(host.name, host.entry.lab, host.now(), sites, payload.hashes(files)), files)


def named(manifest: Manifest) -> str:
    """Return the name of the backup's file: host and time."""
    return f"{manifest.host}-certificates-{time.strftime('%Y%m%d-%H%M%SZ', time.gmtime(manifest.taken))}.tar.age"


def _plain(host: Host, p: Opening, content: bytes) -> bytes:
    if not age.wants_passphrase(content):
        if p.identity is None:
            raise UsageError("this backup is sealed for a recipient", next=keys.GIVE_IDENTITY)
        text = keys.identity(Path(p.identity))
        host.mask.learn([text])
        return age.opened_with(text, content)
    source = p.passphrase or PROMPT
    if host.run.plan and source in ASKED:
        host.say("a plan asks for no passphrase, so it cannot tell what the backup holds; --passphrase FILE would tell it")
        raise PlanEnds(PASSPHRASE)
    return age.opened_by(host.obtain(PASSPHRASE, source, in_plan=True), content)
