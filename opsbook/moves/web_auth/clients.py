"""Who logs in with the password: files of the config repo that hold it, and containers that have it in their environment."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.giving import everything
from opsbook.moves.mounts import in_container, stranded
from opsbook.moves.web_auth.target import Target, env_path, text_of
from opsbook.shell import Secret
from opsbook.systems.compose import compose
from opsbook.systems.container import Container
from opsbook.systems.dotenv import env_file
from opsbook.systems.password_text import holding, tracked, with_password

SHORTEST = 8        # a shorter password is a part of ordinary words
READ_AGAIN = frozenset({"prometheus", "alertmanager", "blackbox_exporter", "alloy"})    # programs that read their files again on SIGHUP


@dataclass(frozen=True)
class Found:
    """Files that hold the password: those we can change, and those that somebody has to."""

    texts: Mapping[str, tuple[str, str]]
    by_hand: tuple[str, ...] = ()


def find(host: Host, target: Target, old: Secret, new: Secret) -> Found:
    """Return the files that hold the old password, with the text that each gets; raise Refused where it means other things, too."""
    if len(old.value) < SHORTEST:
        host.say(f"note: the old password is shorter than {SHORTEST} characters, so nobody could find the files that use it: look yourself")
        return Found({})
    _expect_no_twin(host, target, old)
    own = {target.file, env_path(host)}
    paths = [posixpath.join(host.stack.directory, path) for path in host.read(holding(host.stack.directory, old))]
    texts, by_hand = {}, []
    for path in (one for one in paths if one not in own):
        text = text_of(host, path)
        made = with_password(path, text, old.value, new.value)
        if made is None:
            by_hand.append(path)
        else:
            texts[path] = (text, made)
    return Found(texts, tuple(by_hand))


def expect_in_reach(host: Host, found: Found, *, edit_checkout: bool) -> None:
    """Tell which files use the password; raise Refused where git tracks one and nobody allowed to edit the checkout."""
    known = set(host.read(tracked(sorted(found.texts)))) if found.texts else set()
    for path in found.texts:
        host.say(f"uses the password, and gets the new one: {path}" + ("  (git tracks it)" if path in known else ""))
    for path in found.by_hand:
        host.say(f"note: {path} holds the old password where only a human can change it; it stays as it is")
    if known and not edit_checkout:
        raise Refused(
            "files that git tracks hold the password, and an edit would be in the way of the next pull",
            saw="\n".join(sorted(known)),
            next=f"better: ${{…}} there, filled from .env; or add --edit-checkout, and commit it (on {host.name})",
            host=host.name,
        )


def by_environment(host: Host, key: str) -> tuple[str, ...]:
    """Return the services whose container has a value of that key of `.env` among its settings."""
    value = (host.recall(env_file(env_path(host))) or {}).get(key, "")
    if len(value) < SHORTEST:
        return ()
    found = host.recall(compose(host.stack).settings()).services
    return tuple(name for name, one in sorted(found.items()) if _has(value, one.environment.values(), one.command, one.labels.values()))


def readers(host: Host, paths: Collection[str]) -> dict[str, Container]:
    """Return the running containers that see one of the files, by service."""
    running = (one for one in everything(host) if one.running)
    return {one.service: one for one in running if any(in_container(one, path) is not None for path in paths)}


def needs_start(container: Container, paths: Collection[str]) -> bool:
    """Return whether the container reads the files only when it starts: a file mounted alone, or a program that hears no signal."""
    return bool(stranded(container, paths)) or _program(container) not in READ_AGAIN


def _program(container: Container) -> str:
    words = container.entrypoint or container.command
    return posixpath.basename(words[0]) if words else ""


def _has(value: str, *several: Iterable[str | None] | None) -> bool:
    return any(value in (one or "") for group in several for one in group or ())


def _expect_no_twin(host: Host, target: Target, old: Secret) -> None:
    """Raise Refused where another key of `.env` has the same value: whose password a file holds could not be told."""
    known = host.recall(env_file(env_path(host))) or {}
    twins = sorted(key for key, value in known.items() if value == old.value and key != target.key)
    if twins:
        saw = f"{target.key} and {', '.join(twins)} have the same value"
        fix = f"give {' and '.join(twins)} another one first, by hand, wherever it is used"
        raise Refused("whose password a file holds could not be told", saw=saw, next=fix, host=host.name)
