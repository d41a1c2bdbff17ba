"""What a host looks like from elsewhere: from the scraper, which must get in, and from a stranger, who must not."""

from __future__ import annotations

from typing import TypeVar

from opsbook.errors import CommandFailed, ConnectionLost, HostKeyChanged, HostKeyUnknown, NotRunning, Refused, Unreachable, UsageError
from opsbook.host import Host, Read
from opsbook.systems.reach import Reach, dial

T = TypeVar("T")
SCRAPER, STRANGER = "scraper", "stranger"
PATIENCE = 5        # seconds of silence that count as such


def witness(host: Host, role: str) -> Host:
    """Return the other host with that role; raise Refused where there is none, so that nobody could tell.

    A strange host key is never just an answer: HostKeyChanged and HostKeyUnknown are raised as they are, here and by `ask`.
    """
    try:
        found = host.peer(role)
    except UsageError as error:
        fix = f"roles: [{role}] for one other host of the inventory that we may log in to"
        raise Refused(f"nobody can look from the place of the role {role}", saw=error.what, next=fix, host=host.name) from None
    except (HostKeyChanged, HostKeyUnknown):
        raise
    except Unreachable as error:
        raise _mute(role, error) from None
    if role == STRANGER and found.name == host.name:
        fix = f"roles: [{role}] for another host of the inventory"
        raise Refused("a host is no stranger to itself", saw=f"{host.name} has that role", next=fix, host=host.name)
    return found


def ask(host: Host, role: str, question: Read[T]) -> T:
    """Ask the host with that role; that it cannot be asked is an answer that is none, and no loss of the host that we work on."""
    try:
        return witness(host, role).read(question)
    except (HostKeyChanged, HostKeyUnknown):
        raise
    except NotRunning as down:
        what, fix = f"{down.what} on {down.host}, the {role}", f"opsbook bring-up {down.host}"
        raise NotRunning(what, saw=down.saw, next=fix, host=down.host) from None
    except (Unreachable, ConnectionLost) as error:
        raise _mute(role, error) from None


def address(host: Host) -> str:
    """Return the address under which other hosts know this one; raise Refused without one."""
    if host.entry.peer_address is None:
        raise Refused("nobody knows this host's address", next="peer_address in the inventory", host=host.name)
    return host.entry.peer_address


def reach(host: Host, role: str, port: int, patience: int = PATIENCE) -> Reach:
    """Return how the host's port behaves towards the host with that role, within so many seconds."""
    return ask(host, role, dial((address(host), port), within=patience))[0]


def _mute(role: str, error: Unreachable | ConnectionLost) -> CommandFailed:
    look = error.next or f"opsbook doctor {error.host}"
    return CommandFailed(f"the {role} cannot be asked: {error.what}", saw=error.saw, next=look, host=error.host)
