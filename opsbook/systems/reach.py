"""Whether a port of another host answers, as seen from this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsbook.host import Read, Result
from opsbook.shell import script

Kind = Literal["answers", "refused", "silent", "unreachable"]

# Bash alone, because neither nc nor curl is on every host. strerror's English, by LC_ALL, is all that tells a refusal from no route.
# KILL, because a bash that connects may not heed TERM; `timeout` then ends by it, too, and the exit makes a code of that.
DIAL = """
LC_ALL=C timeout --signal=KILL "$3" bash -c 'exec 3<>"/dev/tcp/$1/$2"' dial "$1" "$2"
exit $?
"""
TOLD = frozenset({0, 1, 124, 137})
CONNECTED, FAILED = 0, 1
REFUSED, TIMED_OUT = "Connection refused", "timed out"


@dataclass(frozen=True)
class Reach:
    """How a port behaves: `refused` means that nothing listens, or that a firewall rejects; `silent` that a firewall drops."""

    kind: Kind
    why: str = ""

    def __str__(self) -> str:
        """Return it in words that follow the name of the port."""
        words = {"answers": "answers", "refused": "refuses the connection", "silent": "gives no answer", "unreachable": "cannot be reached"}
        return words[self.kind] + (f": {self.why}" if self.why else "")


def dial(address: str, port: int, within: int = 5) -> Read[Reach]:
    """How that port behaves towards this host, after at most so many seconds."""
    return Read(script(DIAL, address, port, within), parse_dial, answers=TOLD, within=within + 10)


def parse_dial(result: Result) -> Reach:
    """Given how the attempt ended, return what it means."""
    if result.code == CONNECTED:
        return Reach("answers")
    return of_error(result.err) if result.code == FAILED else Reach("silent")


def of_error(text: str) -> Reach:
    """Given what a program says that could not connect, return what it means."""
    if REFUSED in text:
        return Reach("refused")
    if TIMED_OUT in text:
        return Reach("silent")
    last = next(iter(text.strip().splitlines()[-1:]), "no reason given")
    return Reach("unreachable", last.rpartition(": ")[2])
