"""The way back: what this run has made is removed, what it has replaced is put in its old place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsbook.check import Seen
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.confirmed import put_back
from opsbook.moves.provisioning.account import DOCKER, found
from opsbook.moves.provisioning.rights import BEFORE, aside, sha256
from opsbook.moves.provisioning.seat import admin, as_root, seat
from opsbook.privileged import ALL, CONFIRM, SUDOERS, sudoers
from opsbook.systems import sshd, users
from opsbook.systems.root_files import ASIDE, hash_of, take_back

# what the record keeps: the hash of each file as it was, empty where there was none; the hash of each that this run places; the user
FILES, PLACED, USER = "files", "placed", "user"


def ours(host: Host) -> dict[str, str]:
    """Return the hash of every file that this runbook may place, by path."""
    programs = {act.path: act.sha256 for act in ALL}
    return {sshd.FILE: sha256(sshd.TEXT), SUDOERS: sha256(sudoers(admin(host))), **programs}


def remember(host: Host) -> None:
    """Keep what the way back needs, once: a killed run goes on, and must not take its own work for what was there."""
    host.keep(**{PLACED: ours(host)})       # a rerun may be of a newer opsbook
    if BEFORE in host.run.kept:
        return
    rights, user = seat(host).rights, found(host)
    files = {path: host.read(hash_of(path, rights)) for path in ours(host)}
    there: dict[str, Any] | None = None if user is None else {"docker": DOCKER in user.groups, "keys": list(user.keys)}
    host.keep(**{BEFORE: f"{ASIDE}/{host.run.id}", FILES: files, USER: there})


def expect_ours(host: Host) -> None:
    """Refuse where we may not go back, or where somebody has changed since what would be taken away."""
    if BEFORE not in host.run.kept:
        return
    if not seat(host).writes:
        raise Refused("only root can take this back", next=as_root(host), host=host.name)
    changed = [path for path, now, before, own in _files(host) if now not in {before, own, ""}]
    if host.run.kept[USER] is None:
        changed += [f"{admin(host)}'s home: {name}" for name in host.read(users.belongings(admin(host), seat(host).rights))]
    if changed:
        raise Refused("somebody has changed what would be taken away", saw="\n".join(changed), next="look, and move it", host=host.name)


def open_sshd(host: Host) -> None:
    """Put sshd's file back, and let sshd read it."""
    if host.read(hash_of(CONFIRM.path, seat(host).rights)):
        put_back(host, "sshd")
    if _differs(host, sshd.FILE):
        _take_back(host, sshd.FILE)
        host.write(sshd.apply(seat(host).rights))


def take_rights(host: Host) -> None:
    """Put the sudoers file and the programs back, in this order: sudo must never name a program that is not there."""
    for path in (SUDOERS, *(act.path for act in ALL)):
        if _differs(host, path):
            _take_back(host, path)


def take_user(host: Host) -> None:
    """Remove the user where this run has made it; of one that was there take away only the key and the group of this run."""
    user, before, rights, name = found(host), host.run.kept.get(USER), seat(host).rights, admin(host)
    if BEFORE not in host.run.kept or user is None:
        return
    if before is None:
        host.write(users.remove(name, rights))
        return
    if (DOCKER in user.groups) != before["docker"]:
        host.write(users.join(name, DOCKER, rights) if before["docker"] else users.leave(name, DOCKER, rights))
    own = host.run.kept.get("key", "")
    if own in user.keys and own not in before["keys"]:
        host.write(users.write_keys(name, user.home, [line for line in user.keys if line != own], rights))


def is_as_before(host: Host) -> Seen:
    """Files, user and keys are as they were before the run."""
    if BEFORE not in host.run.kept:
        return Seen(ok=True, saw="the run had changed nothing")
    odd = [path for path, now, before, _ in _files(host) if now != before]
    user, before = found(host), host.run.kept[USER]
    if (user is None) != (before is None):
        odd.append(f"the user {admin(host)} is {'gone' if user is None else 'still there'}")
    elif user is not None and (DOCKER in user.groups) != before["docker"]:
        odd.append("membership of the group docker")
    elif user is not None and host.run.kept.get("key", "") in set(user.keys) - set(before["keys"]):
        odd.append("the key is still let in")
    return Seen(ok=not odd, saw="\n".join(odd))


def _files(host: Host) -> Iterator[tuple[str, str, str, str]]:
    """Yield path, hash now, hash before, and ours."""
    rights, before = seat(host).rights, host.run.kept[FILES]
    for path, own in host.run.kept[PLACED].items():
        if path in before:
            yield path, host.read(hash_of(path, rights)), before[path], own


def _differs(host: Host, path: str) -> bool:
    return any(one == path and now != before for one, now, before, _ in (_files(host) if BEFORE in host.run.kept else ()))


def _take_back(host: Host, path: str) -> None:
    host.write(take_back(path, aside(host, path), host.run.kept[PLACED][path], seat(host).rights))
