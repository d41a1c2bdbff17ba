"""Who we are on the host, and what of root's part we can see and do from there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Host, Read
from opsbook.privileged import LOOK, placing
from opsbook.shell import Command, cmd
from opsbook.systems.answers import is_good
from opsbook.systems.root_view import Told, root_view, uninstalled

USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
ANY = frozenset(range(256))
SUDO = ("sudo", "-n")
LIMITED = (*SUDO, "timeout", "--kill-after=10", "100")      # seconds, below a write's: only root stops what sudo runs


@dataclass(frozen=True)
class Seat:
    """A login: the words that bring root's rights, whether it has them at all, and the command that looks with them."""

    rights: tuple[str, ...]
    writes: bool
    view: Command


ROOT = Seat((), writes=True, view=uninstalled())
MAY_BE_ROOT = Seat(LIMITED, writes=True, view=uninstalled(*SUDO))
ADMIN = Seat((), writes=False, view=LOOK.run)


def admin(host: Host) -> str:
    """Return the user that the inventory names; raise Refused where that cannot be the one to be made."""
    name = host.entry.user or ""
    if name == "root" or not USER_NAME.fullmatch(name):
        saw = f"it names {name}" if name else "it names none"
        raise Refused("the inventory must name the user that this host shall have", saw=saw, next="user: claude-admin", host=host.name)
    return name


def seat(host: Host) -> Seat:
    """Return where we sit; raise Refused for a login that is neither root, nor may become it, nor the inventory's user."""
    name = host.recall(Read(cmd("id", "--user", "--name"), lambda result: result.out.strip()))
    if name == "root":
        return ROOT
    if name == admin(host):
        return ADMIN
    if host.recall(Read(cmd(*SUDO, "true"), is_good, answers=ANY)):
        return MAY_BE_ROOT
    raise Refused(f"{name} is not root, and sudo does not make it root without a password", next=as_root(host), host=host.name)


def view(host: Host, *wanted: str) -> dict[str, Told]:
    """Return what only root may read; raise Refused where we cannot."""
    here = seat(host)
    try:
        return host.read(root_view(*wanted, by=here.view))
    except CommandFailed as failed:
        if here.writes:
            raise
        what = f"{admin(host)} cannot look at root's part of this host"
        raise Refused(what, saw=failed.saw or failed.what, next=as_root(host), host=host.name) from None


def as_root(host: Host, key: str | None = None) -> str:
    """Return the command that does root's part, and lets that key in."""
    return placing(host.name, key)
