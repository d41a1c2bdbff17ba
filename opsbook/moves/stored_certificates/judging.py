"""Whether a backup of certificates is what this host should have; said before anything leaves the operator's machine."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from opsbook.backup.payload import Payload
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.stored_certificates import store
from opsbook.moves.stored_certificates.standing import handshakes, moment, names, usable
from opsbook.moves.stored_certificates.store import Held
from opsbook.shell import cmd

RENEWED_AT = 1 / 3      # Caddy renews when so much of its life is left to a certificate


class Accepting(Protocol):
    """What opens the backup, and what the operator accepts."""

    @property
    def passphrase(self) -> str | None:
        """Where the passphrase comes from."""

    @property
    def identity(self) -> Path | None:
        """A file of age identities, or an SSH key."""

    @property
    def backup(self) -> Path:
        """The backup's file."""

    @property
    def other_host(self) -> bool:
        """It may be another host's."""

    @property
    def older(self) -> bool:
        """It may be older than what is served."""

    @property
    def partly(self) -> bool:
        """Caddy may order what the backup lacks."""


def judge(host: Host, wish: Accepting, payload: Payload) -> dict[str, list[str]]:
    """Return the serials that each site may be served with after a restore; raise Refused where the backup is not what should be here."""
    told = payload.manifest
    host.say(f"a backup of {told.host} from {moment(told.taken)}, {len(payload.files)} files")
    _expect_own(host, wish, payload)
    now, found = host.now(), store.certificates(payload.files)
    lacks = {name: why for name in names(host, found) if (why := _lacking(found, name, now))}
    if lacks:
        _expect_consent(host, wish, lacks)
    sure = {name: usable(found, name, now) for name in names(host, found) if name not in lacks}
    if not sure:
        raise Refused("the backup has no certificate that could be served", saw=_lines(lacks), host=host.name)
    if not wish.older:
        _expect_none_newer(host, wish, sure, now)
    return {name: [one.leaf.serial for one in each] for name, each in sure.items()}


def _expect_own(host: Host, wish: Accepting, payload: Payload) -> None:
    told = payload.manifest
    if (told.host, told.lab) != (host.name, host.entry.lab) and not wish.other_host:
        where = f"{told.host}{' of a lab' if told.lab else ''}"
        raise Refused("this backup is another host's", saw=where, next=_again(host, wish, "--other-host"), host=host.name)


def _expect_consent(host: Host, wish: Accepting, lacks: dict[str, str]) -> None:
    if not wish.partly:
        what, again = "the backup lacks a good certificate for a site", _again(host, wish, "--partly")
        raise Refused(what, saw=_lines(lacks), next=f"{again}, and Caddy orders those", host=host.name)
    host.say(f"Caddy will order these by itself, which this run does not prove:\n{_lines(lacks)}")


def _expect_none_newer(host: Host, wish: Accepting, sure: dict[str, tuple[Held, ...]], now: float) -> None:
    """Raise Refused where a good certificate is served that began after the backup's."""
    newer = {}
    for name, shake in handshakes(host, sure).items():
        one, best = shake.certificate, max(held.leaf.starts for held in sure[name])
        if one is not None and not shake.chain and now < one.ends and one.starts > best:
            newer[name] = f"served since {moment(one.starts)}, the backup's is from {moment(best)}"
    if newer:
        raise Refused("what is served is newer than the backup", saw=_lines(newer), next=_again(host, wish, "--older"), host=host.name)


def _again(host: Host, wish: Accepting, flag: str) -> str:
    opened_by = {"--passphrase": wish.passphrase, "--identity": wish.identity}
    accepted = {"--other-host": wish.other_host, "--older": wish.older, "--partly": wish.partly}
    given = [f"{name}={value}" for name, value in opened_by.items() if value] + [name for name, value in accepted.items() if value]
    return f"if that is meant: {cmd('opsbook', 'restore-certs', str(wish.backup), host.name, *given, flag)}"


def _lacking(found: tuple[Held, ...], name: str, now: float) -> str:
    """Return why Caddy would order a certificate for the site; nothing when the backup's will do."""
    good, there = usable(found, name, now), store.of_site(found, name)
    if not there:
        return "the backup has none"
    if not good:
        return "its key is missing or another's" if now < there[0].leaf.ends else f"it has expired: {moment(there[0].leaf.ends)}"
    return f"it is due for renewal: {moment(good[0].leaf.ends)}" if good[0].leaf.left(now) < RENEWED_AT else ""


def _lines(found: dict[str, str]) -> str:
    return "\n".join(f"{name}: {why}" for name, why in found.items())
