"""The user of the inventory: its account, its groups, the key that lets it in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from opsbook import public_key
from opsbook.check import Seen
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.provisioning.seat import admin, seat
from opsbook.public_key import PublicKey, parse_line, public_half, text_of
from opsbook.systems import users
from opsbook.systems.users import User

DOCKER = "docker"
PRIVATE = "PRIVATE KEY"


def found(host: Host) -> User | None:
    """Return the user as it is on the host."""
    return host.read(users.look(admin(host), seat(host).rights))


def needs_docker(host: Host) -> bool:
    """Return whether the inventory says that Docker runs there."""
    return host.entry.stack is not None or DOCKER in host.entry.roles


def key(host: Host, given: str | None) -> PublicKey:
    """Return the key to let in: the given one, as text or file, else the public half of the inventory's; raise Refused without any."""
    try:
        return public_key.given(given) if given else _own(host)
    except ValueError as error:
        words = "--key FILE.pub, or --key 'ssh-ed25519 AAAA… you@there'"
        raise Refused("there is no public key to let in", saw=str(error), next=words, host=host.name) from None


def is_there(host: Host) -> Seen:
    """The user is there, in the group docker where its roles ask for it and only there."""
    user = found(host)
    if user is None:
        return Seen(ok=False, saw=f"there is no user {admin(host)}")
    if (DOCKER in user.groups) != needs_docker(host):
        return Seen(ok=False, saw=f"{admin(host)} is {'in' if DOCKER in user.groups else 'not in'} the group docker")
    return Seen(ok=True, saw=f"{admin(host)}, groups: {' '.join(user.groups)}")


def make(host: Host) -> None:
    """Make the user where there is none, and set its membership of the group docker."""
    name, rights, user = admin(host), seat(host).rights, found(host)
    if user is None:
        host.write(replace(users.add(name, rights), about=f"make the user {name}, and let only it in, with its key: not root, no password"))
    member = user is not None and DOCKER in user.groups
    if needs_docker(host) and not member:
        host.write(users.join(name, DOCKER, rights))
    elif member and not needs_docker(host):
        host.write(users.leave(name, DOCKER, rights))


def lets_in(host: Host, wanted: PublicKey) -> Seen:
    """The key lets the user in, and nobody else may change that."""
    user = found(host)
    wrong = user.shuts_out(admin(host)) if user is not None else (f"there is no user {admin(host)}",)
    if wrong:
        return Seen(ok=False, saw="\n".join(wrong))
    there = user is not None and _listed(user, wanted)
    return Seen(ok=there, saw=f"{wanted.type} {wanted.comment}".strip() if there else "the key is not among those that are let in")


def let_in(host: Host, wanted: PublicKey) -> None:
    """Give the user its folder of keys, and add the key; the others stay."""
    name, rights, user = admin(host), seat(host).rights, found(host)
    home = user.home if user is not None else f"/home/{name}"
    host.write(users.own_ssh(name, home, rights))
    user = found(host) if not host.run.plan else user
    if user is None or not _listed(user, wanted) or user.shuts_out(name):
        lines = user.keys if user is not None else ()
        more = () if user is not None and _listed(user, wanted) else (str(wanted),)
        host.write(users.write_keys(name, home, (*lines, *more), rights))


def restricted(user: User, wanted: PublicKey) -> tuple[str, ...]:
    """Return the lines of authorized_keys that let the key in with restrictions; sshd takes the first that names the key."""
    return tuple(line for line in user.keys if wanted.blob in line.split() and not line.startswith(("#", wanted.type)))


def _listed(user: User, wanted: PublicKey) -> bool:
    return any(line.split()[:2] == [wanted.type, wanted.blob] for line in user.keys)


def _own(host: Host) -> PublicKey:
    own = host.entry.key
    if not own:
        raise ValueError("the inventory names no key for this host")
    if PRIVATE in own:
        return public_half(own.replace("\\n", "\n"), admin(host))
    public = Path(f"{own}.pub").expanduser()
    return parse_line(text_of(public)) if public.exists() else public_half(text_of(Path(own)), admin(host))
