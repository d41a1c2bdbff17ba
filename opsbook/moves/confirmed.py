"""A change that could lock us out: the host takes it back by itself unless a new login, made afterwards, confirms it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsbook.check import INTERVAL, Seen, expect, within
from opsbook.errors import CommandFailed, ConnectionLost, Interrupted, NotTrue, OpsbookError, Refused, Unreachable
from opsbook.host import Host
from opsbook.systems.confirm import Kind, Standing, arm, disarm, restore, standing

GRACE = 30      # seconds for the host to begin and end what it does by itself


@contextmanager
def confirmed(host: Host, kind: Kind, *, about: str, seconds: int = 60) -> Iterator[None]:
    """Let the block change these settings; raise NotTrue when no new login gets in, after the host has put them back.

    Where the block fails they are put back at once; where we lose the host, or are interrupted, the host does it.
    """
    token = _armed(host, kind, seconds, about)
    try:
        yield
    except (ConnectionLost, Interrupted):
        raise
    except OpsbookError:
        put_back(host, kind)
        raise
    if host.run.plan:
        host.write(disarm(token))
    else:
        _confirm(host, kind, token, seconds / 2)


def put_back(host: Host, kind: Kind) -> None:
    """Undo what waits for a confirmation, be it of a killed run; nothing where nothing waits."""
    found = _standing(host, kind)
    if found.token:
        host.say(f"the {kind} still waits for somebody to confirm a change: it is put back")
        host.write(replace(restore(found.token), about=f"put back what nobody has confirmed of the {kind}"))


def expect_nothing_waits(host: Host, kind: Kind) -> None:
    """Raise Refused while a change of somebody else waits to be confirmed: what is there now may be gone in a moment."""
    found = _standing(host, kind)
    if found.token:
        fix = f"try again in {found.left + GRACE} s"
        raise Refused(f"a change of the {kind} waits to be confirmed", saw=f"{found.left} s are left", next=fix, host=host.name)


def _armed(host: Host, kind: Kind, seconds: int, about: str) -> str:
    """Have the settings saved; return the token that confirms what comes."""
    put_back(host, kind)
    host.write(replace(arm(kind, seconds), about=about))
    return "" if host.run.plan else _standing(host, kind).token


def _confirm(host: Host, kind: Kind, token: str, patience: float) -> None:
    try:
        _from_a_new_login(host, token, patience)
    except Unreachable as shut:
        _heals(host, kind, token)
        what = f"not true: a new login gets in with the new settings of the {kind}"
        raise NotTrue(what, saw=f"{shut.what}\n{shut.saw}".strip(), next=shut.next, host=host.name) from shut
    except CommandFailed:
        put_back(host, kind)
        raise


def _from_a_new_login(host: Host, token: str, patience: float) -> None:
    """Confirm from a new login; try again for a while, because sshd is away for a moment when it reads its settings anew."""
    deadline = host.clock() + patience
    while True:
        try:
            host.anew().write(disarm(token))
        except Unreachable:
            if host.clock() >= deadline:
                raise
            host.pause(INTERVAL)
        else:
            return


def _heals(host: Host, kind: Kind, token: str) -> None:
    """Wait until the host has put the old settings back, and a new login gets in; raise NotTrue when that does not happen."""

    def has_put_back(host: Host, _: None) -> Seen:
        """The host has put back what nobody could confirm, and a new login gets in."""
        found = _standing(host, kind)
        if (found.last, found.end) != (token, "healed"):
            return Seen(ok=False, saw=f"{found.left} s are left", next=f"a console of the host, as root: journalctl -u opsbook-heal-{kind}")
        try:
            _standing(host.anew(), kind)
        except Unreachable as shut:
            return Seen(ok=False, saw=f"{shut.what} {shut.saw}".strip(), next="a console of the host")
        return Seen(ok=True)

    left = _standing(host, kind).left
    host.say(f"no new login gets in: the host puts the settings of the {kind} back by itself in {left} s")
    expect(host, within(left + GRACE, has_put_back), None)
    host.say(f"the host has put the settings of the {kind} back, and a new login gets in")


def _standing(host: Host, kind: Kind) -> Standing:
    return host.read(standing())[kind]
