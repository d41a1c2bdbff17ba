"""Caddy's storage: where its certificates, keys and ACME accounts lie on the host, and what is in it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from opsbook.backup.payload import differing, hashes
from opsbook.backup.tarball import Stored, unpacked
from opsbook.errors import CommandFailed, Refused
from opsbook.host import Host
from opsbook.mask import key_lines
from opsbook.moves import services
from opsbook.systems import pem
from opsbook.systems.caddy import Caddy
from opsbook.systems.container import Container
from opsbook.systems.tls import Certificate
from opsbook.systems.volume import Folder, decoded

CADDY = "caddy"
TRIES = 3                   # Caddy may write while we read
CERTIFICATES, ACCOUNTS = "certificates/", "acme/"
PATH = "storage_path"


@dataclass(frozen=True)
class Held:
    """A certificate in the storage, and whether its key is beside it."""

    path: str
    leaf: Certificate
    fits: bool


def folder(host: Host) -> Folder:
    """Return the folder of Caddy's storage; raise Refused where it lies in no volume."""
    found = services.container(host, CADDY)
    if found is None:
        create = f"docker compose --project-directory={host.stack.directory} create {CADDY}"
        saw, again = f"{create} makes it, and starts nothing that would order certificates", f"that on {host.name}, then this again"
        raise Refused("Caddy has no container, so nobody knows its volume", saw=saw, next=again, host=host.name)
    path: str = host.run.kept.get(PATH) or _path(host, found)      # a Caddy that is down tells no longer what it was configured for
    mounts = [mount for mount in found.mounts if path == mount.destination or path.startswith(f"{mount.destination.rstrip('/')}/")]
    if not mounts:
        what = "Caddy's certificates lie in no volume: they go with its container"
        raise Refused(what, saw=f"{found.name}: {path}", next="mount a volume there in the Compose file", host=host.name)
    return Folder(path, found.image_id, max(mounts, key=lambda mount: len(mount.destination)), found.user)


def take(host: Host, place: Folder) -> tuple[Stored, ...]:
    """Return every file of the storage as it was at one moment; raise Refused where it does not stand still."""
    for _ in range(TRIES):
        files = kept(unpacked(decoded(host.read(place.packed()))))
        learn(host, files)
        moved = differing(hashes(files), host.read(place.hashes()))
        if not moved:
            return files
    raise Refused("Caddy writes to its storage all the time", saw=", ".join(moved[:3]), next="run it again in a minute", host=host.name)


def kept(files: Iterable[Stored]) -> tuple[Stored, ...]:
    """Return the files that make up the storage: not the marks of who works there right now, and not what a restore left."""
    return tuple(one for one in files if not one.path.startswith((".", "locks/")))


def learn(host: Host, files: Iterable[Stored]) -> None:
    """Let nothing of the private keys be shown from here on."""
    for one in files:
        if one.path.endswith(".key"):
            host.mask.learn(key_lines(one.content.decode(errors="replace")))


def certificates(files: Iterable[Stored]) -> tuple[Held, ...]:
    """Return the certificates among the files, by their paths."""
    by_path = {one.path: one.content for one in files}
    pairs = ((path, pem.leaf(content), content) for path, content in sorted(by_path.items()) if path.endswith(".crt"))
    beside = {path: by_path.get(f"{path.removesuffix('.crt')}.key", b"") for path in by_path}
    return tuple(Held(path, leaf, pem.belong_together(beside[path], content)) for path, leaf, content in pairs if leaf is not None)


def of_site(found: Iterable[Held], name: str) -> tuple[Held, ...]:
    """Return the certificates that are made out to the name, the one that ends last first."""
    return tuple(sorted((one for one in found if one.leaf.covers(name)), key=lambda one: -one.leaf.ends))


def lasting(found: dict[str, str]) -> dict[str, str]:
    """Given hashes by path, return those of certificates, keys and accounts: what Caddy changes only by an order.

    The notes beside a certificate are left out: newer Caddys write into them when they ask the CA for the best time to renew.
    """
    ours = ((path, path.startswith(ACCOUNTS) or (path.startswith(CERTIFICATES) and path.endswith((".crt", ".key")))) for path in found)
    return {path: found[path] for path, lasts in ours if lasts}


def _path(host: Host, found: Container) -> str:
    """Return the storage's path in the container: what the running configuration says, else where Caddy puts it by itself."""
    told = _configured(host, found)
    if told is not None and told.get("module") != "file_system":
        raise Refused("Caddy keeps its certificates elsewhere, not in files", saw=f"storage {told.get('module')}", host=host.name)
    if told is not None and told.get("root"):
        return posixpath.normpath(str(told["root"]))
    data = found.env.get("XDG_DATA_HOME") or posixpath.join(found.env.get("HOME") or "/root", ".local/share")
    return posixpath.join(data, "caddy")


def _configured(host: Host, found: Container) -> dict[str, object] | None:
    if not found.running:
        return None
    try:
        return host.read(Caddy(CADDY).storage())
    except CommandFailed:
        host.say("Caddy's admin API does not answer: its storage is looked for where Caddy puts it by itself")
        return None
