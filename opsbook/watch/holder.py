"""Who holds the lock of a host, and the refusal that says so."""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import asdict, dataclass

from opsbook.errors import Locked


@dataclass(frozen=True)
class Holder:
    """The local user and machine, and what they run where."""

    operator: str
    machine: str
    runbook: str
    host: str = ""          # as the inventory calls it

    def to_json(self) -> str:
        """Return one line of JSON, to which the host adds time, process and token."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Held:
    """What the host knows of its holder; times in seconds since 1970 by the host's clock."""

    who: str
    runbook: str
    since: float
    gone: bool              # the watch has given its operator up and puts things back


def held(text: str) -> Held | None:
    """Given the holder file in base64, return its content; None when it is missing or not whole."""
    try:
        found = json.loads(base64.b64decode(text, validate=True))
        who = f"{found['operator']}@{found['machine']}"
        return Held(who, found["runbook"], float(found["since"]), found["token"] == "")
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def locked(told: str, me: Holder, *, silence: float) -> Locked:
    """Given `NOW BEAT HOLDER` from the host, return the refusal that says who, what, since when and how lively."""
    way_out = f"the same command with --wait 300; or, if nobody is there: opsbook unlock {me.host}"
    return Locked("another operator holds the lock", saw=described(told, silence=silence), next=way_out, host=me.host)


def described(told: str, *, silence: float) -> str:
    """Given `NOW BEAT HOLDER` from the host, return who holds the lock, for what, since when and how lively."""
    now, beat, *rest = told.split()
    found = held(rest[0] if rest else "")
    if found is None:
        return "it was taken this very moment, or by something that is not opsbook"
    age = max(0.0, float(now) - float(beat))
    lively = f"last beat {age:.0f} s ago"
    if found.gone or age > silence + 5:
        lively += "; its operator is gone and the host puts things back"
    return f"{found.who} runs {found.runbook} since {_clock(found.since)} ({max(0, float(now) - found.since):.0f} s), {lively}"


def busy(me: Holder, waited: float) -> Locked:
    """Return the refusal for a host on which a write of an earlier run has not ended."""
    return Locked(
        "a write of an earlier run is still under way",
        saw=f"it did not end within {waited:g} s; its own time limit will end it",
        next="the same command with --wait 300",
        host=me.host,
    )


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S UTC", time.gmtime(seconds))
