"""Certificates brought back from a backup: judged here, laid beside Caddy's storage, swapped while Caddy stands still, and proven.

What a run means to bring back, and what was there before, it keeps as hashes and serials in its record; the keys stay where they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from opsbook.backup.payload import Payload, differing, hashes
from opsbook.backup.tarball import packed
from opsbook.check import Seen, expect, so
from opsbook.counted import counted
from opsbook.errors import NothingToUndo
from opsbook.host import Host
from opsbook.moves import meaning, services
from opsbook.moves.owing import owed
from opsbook.moves.stored_certificates import backup, store
from opsbook.moves.stored_certificates.judging import judge
from opsbook.moves.stored_certificates.standing import handshakes, names
from opsbook.systems.compose import compose
from opsbook.systems.volume import BEFORE, INCOMING

ASIDE, WANTED, SERIALS, HAD, SERVED, SWAPPED = "aside", "wanted", "serials", "had", "served_before", "swapped"


@dataclass(frozen=True)
class Wish:
    """Which backup, what opens it, and what the operator accepts."""

    backup: Path
    passphrase: str | None = None
    identity: Path | None = None
    other_host: bool = False
    older: bool = False
    partly: bool = False


def look(host: Host, wish: Wish) -> None:
    """Open the backup, judge it, and remember what it brings and what is there now."""
    payload, _ = backup.opened(host, wish, wish.backup)
    meaning.expect_same(host, hashlib.sha256(repr(sorted(payload.manifest.files.items())).encode()).hexdigest())
    serials = judge(host, wish, payload)
    taken = host.run.kept.get(ASIDE)
    if taken is None:       # else a killed run goes on: what is there now may be the backup already
        _remember(host, payload, serials)


def _remember(host: Host, payload: Payload, serials: dict[str, list[str]]) -> None:
    place = store.folder(host)
    now = store.take(host, place) if host.read(place.hashes()) else ()
    found = store.certificates(now)
    here = {one.leaf.serial for one in found}
    shown = {name: shake.certificate.serial for name, shake in handshakes(host, names(host, found)).items() if shake.certificate}
    host.keep(**{
        ASIDE: host.run.id,
        store.PATH: place.path,
        WANTED: store.lasting(dict(payload.manifest.files)),
        SERIALS: serials,
        HAD: store.lasting(hashes(now)),
        SERVED: {name: serial for name, serial in shown.items() if serial in here},
    })  # fmt: skip


def put_in_place(host: Host, wish: Wish) -> None:
    """Swap the storage for the backup's while Caddy stands still, and start it."""
    if so(host, holds_the_backup, wish):
        return
    payload, _ = backup.opened(host, wish, wish.backup)
    place, count = store.folder(host), counted(len(payload.files), "file")
    laid = place.unpack(packed(payload.files), f"lay the backup's {count} beside Caddy's storage")
    host.write(replace(laid, about=f"stop Caddy, put the backup's {count} in the place of its storage, and start it"))
    expect(host, has_arrived, wish)
    with services.stopped(host, store.CADDY):
        host.write(place.swap(host.run.kept[ASIDE], f"swap Caddy's storage for the backup's {count}"))
    host.keep(**{SWAPPED: True})


def start_anew(host: Host, wish: Wish) -> None:
    """Start Caddy anew where it serves others than those in its storage."""
    if not host.run.kept.get(SWAPPED) and not so(host, serves_the_backup, wish):
        project = compose(host.stack)
        with owed(host, f"start-{store.CADDY}", project.start(store.CADDY), about=f"restart {store.CADDY}"):
            host.write(project.restart(store.CADDY))


def has_arrived(host: Host, wish: Wish) -> Seen:  # noqa: ARG001
    """What lies beside the storage is what the backup holds."""
    wrong = differing(host.run.kept[WANTED], store.lasting(host.read(store.folder(host).hashes(INCOMING))))
    return Seen(not wrong, ", ".join(wrong[:5]))


def holds_the_backup(host: Host, wish: Wish) -> Seen:
    """Caddy's storage holds the backup's certificates, keys and accounts, and Caddy has ordered none."""
    place, want = store.folder(host), host.run.kept[WANTED]
    now = store.lasting(host.read(place.hashes()))
    wrong = [path for path in differing(want, now) if path in want or not wish.partly]
    orders = [name for name in host.read(place.listed("locks")) if name.startswith("issue_cert_")] if not wish.partly else []
    return Seen(not wrong and not orders, ", ".join([*wrong[:5], *orders]) or counted(len(want), "file"))


def serves_the_backup(host: Host, wish: Wish) -> Seen:  # noqa: ARG001
    """Each site is served with the backup's certificate, and its chain leads to a root that the host trusts."""
    serials: dict[str, list[str]] = host.run.kept[SERIALS]
    seen = {}
    for name, shake in handshakes(host, serials).items():
        served = shake.certificate.serial if shake.certificate else ""
        seen[name] = shake.why or shake.chain or ("" if served in serials[name] else f"serial {served}, not the backup's")
    wrong = [f"{name}: {why}" for name, why in seen.items() if why]
    return Seen(not wrong, "\n".join(wrong) or ", ".join(seen), next=f"opsbook logs {store.CADDY} {host.name}")


def put_back(host: Host, wish: Wish) -> None:
    """Put back what the storage held before, while Caddy stands still, and start it."""
    if ASIDE not in host.run.kept or so(host, is_as_before, wish):
        return
    place, kept = store.folder(host), host.run.kept
    there = host.read(place.listed())
    if not any(name.startswith(BEFORE + kept[ASIDE]) for name in there):
        if kept.get(SWAPPED):
            raise NothingToUndo("what was there before is gone: a later restore has taken its place", saw=", ".join(there), host=host.name)
        return
    _expect_nothing_new(host, store.lasting(host.read(place.hashes())))
    with services.stopped(host, store.CADDY):
        host.write(place.swap_back(kept[ASIDE], "put back what Caddy's storage held before"))


def is_as_before(host: Host, wish: Wish) -> Seen:  # noqa: ARG001
    """Caddy's storage holds what it held before, and what was served from it is served again."""
    had: dict[str, str] = host.run.kept.get(HAD, {})
    served: dict[str, str] = host.run.kept.get(SERVED, {})
    now = host.read(store.folder(host).hashes()) if had else {}
    wrong = [path for path, digest in had.items() if now.get(path) != digest]
    shown = {name: shake.certificate.serial if shake.certificate else shake.why for name, shake in handshakes(host, served).items()}
    wrong += [f"{name}: {shown[name]}" for name, serial in served.items() if shown[name] != serial]
    return Seen(not wrong, "\n".join(wrong[:5]) or (counted(len(had), "file") if had else "it held nothing"))


def _expect_nothing_new(host: Host, now: dict[str, str]) -> None:
    """Raise NothingToUndo where Caddy has got certificates since, which nobody should throw away."""
    known = (host.run.kept[WANTED], host.run.kept[HAD])
    new = [path for path, digest in now.items() if path.endswith(".crt") and not any(one.get(path) == digest for one in known)]
    if new:
        what = "Caddy has got new certificates since: what was there before would be worse"
        raise NothingToUndo(what, saw=", ".join(new), next=f"opsbook check-endpoints {host.name}", host=host.name)
