"""A new password on its way in and out: from the operator, or made for them, and then handed over."""

from __future__ import annotations

from typing import Protocol

from opsbook.check import Seen
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.shell import Secret
from opsbook.systems.bcrypt_hash import LONGEST

SHORTEST = 8


class Ways(Protocol):
    """The parameters of a rotation that say where the password comes from, and who gets it."""

    @property
    def new(self) -> str: ...
    @property
    def to(self) -> str: ...


def take(host: Host, what: str, p: Ways, kept: Secret | None) -> Secret:
    """Return the one on record, else take one; raise Refused where it will not do, or could not be handed over in the end."""
    new = kept or host.obtain(what, p.new)
    if not SHORTEST <= len(new.value.encode()) <= LONGEST:
        raise Refused(f"{what} has to be {SHORTEST} to {LONGEST} bytes long", host=host.name)
    if is_handed_over(p):
        host.may_hand_over(what, p.to, new)
    return new


def hand_over(host: Host, what: str, p: Ways, new: Secret) -> Seen:
    """Give it to the operator, unless it came from there; raise Refused or CommandFailed when that failed."""
    if not is_handed_over(p):
        return Seen(ok=True, saw="it came from the operator")
    host.hand_over(what, new, p.to)
    return Seen(ok=True, saw="shown on the terminal" if p.to == "terminal" else f"given to {p.to}")


def is_handed_over(p: Ways) -> bool:
    """Return whether somebody still needs it: who gave it has it, and may have it put elsewhere, too."""
    return p.new == "generate" or p.to != "terminal"
