"""Settings that the host puts back by itself, unless a new login confirms them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from opsbook.host import Read, Result, Write
from opsbook.privileged import CONFIRM

Kind = Literal["firewall", "sshd"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Standing:
    """How it stands with one kind of settings: what they wait for, and how the last waiting ended."""

    token: str = ""     # while they wait for somebody to confirm them
    left: int = 0       # seconds until they are put back
    last: str = ""      # the token of the waiting before
    end: str = ""       # how that ended: confirmed or healed


def standing() -> Read[dict[str, Standing]]:
    """How it stands with each kind."""
    return Read(CONFIRM.run, parse_standing, stdin="status\n")


def arm(kind: Kind, seconds: int) -> Write:
    """Save those settings, and put them back after so many seconds and at boot."""
    title = f"let the host put the settings of the {kind} back in {seconds} s unless a new login confirms them"
    return Write(CONFIRM.run, title, stdin=f"arm {kind} {seconds}\n")


def disarm(token: str) -> Write:
    """Keep the new settings; the host refuses this to a login that is older than they are."""
    return Write(CONFIRM.run, "confirm the new settings from a new login", stdin=f"disarm {token}\n")


def restore(token: str) -> Write:
    """Put the saved settings back now."""
    return Write(CONFIRM.run, "put back the settings that nobody has confirmed", stdin=f"restore {token}\n")


def parse_standing(result: Result) -> dict[str, Standing]:
    """Given lines such as `firewall armed TOKEN 59`, `sshd idle` and `sshd last TOKEN healed`, return them by kind."""
    found = {kind: Standing() for kind in KINDS}
    for line in result.out.splitlines():
        match line.split():
            case ["firewall" | "sshd" as kind, "armed", token, left]:
                found[kind] = replace(found[kind], token=token, left=int(left))
            case ["firewall" | "sshd" as kind, "last", token, end]:
                found[kind] = replace(found[kind], last=token, end=end)
            case [_, "idle"]:
                pass
            case _:
                raise ValueError(f"no line of ours: {line}")
    return {str(kind): standing for kind, standing in found.items()}
