"""Whether ports of other hosts answer, as seen from this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsbook.host import Read, Result
from opsbook.shell import script

Kind = Literal["answers", "refused", "silent", "unreachable"]
Place = tuple[str, int]     # an address and a port

# Bash alone, because neither nc nor curl is on every host. strerror's English, by LC_ALL, is all that tells a refusal from no route.
# KILL, because a bash that connects may not heed TERM; `timeout` then ends by it, too. All are dialled at the same time; each is a line
# of its number, the exit code and the first words of bash.
DIAL = """
dial() {
    local said code=0
    said=$(LC_ALL=C timeout --signal=KILL "$within" bash -c 'exec 3<>"/dev/tcp/$1/$2"' dial "$2" "$3" 2>&1) || code=$?
    printf '%s %s %s\\n' "$1" "$code" "${said%%$'\\n'*}"
}
within=$1 number=0
shift
while [ $# -gt 0 ]; do
    dial "$number" "$1" "$2" &
    number=$((number + 1))
    shift 2
done
wait
"""
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


def dial(*places: Place, within: int = 5) -> Read[tuple[Reach, ...]]:
    """How each of these ports behaves towards this host at the same moment, after at most so many seconds."""
    words = (word for place in places for word in place)
    return Read(script(DIAL, within, *words), lambda result: parse_dial(result, len(places)), within=within + 10)


def parse_dial(result: Result, count: int) -> tuple[Reach, ...]:
    """Given a line for each attempt, in the order in which they ended, return what they mean; raise ValueError where one is missing."""
    told = {int(number): (int(code), said) for number, code, said in (line.split(" ", 2) for line in result.out.splitlines())}
    if sorted(told) != list(range(count)):
        raise ValueError(f"{count} ports were dialled, and {len(told)} told of: {result.out}")
    return tuple(_meaning(*told[number]) for number in range(count))


def of_error(text: str) -> Reach:
    """Given what a program says that could not connect, return what it means."""
    if REFUSED in text:
        return Reach("refused")
    if TIMED_OUT in text:
        return Reach("silent")
    last = next(iter(text.strip().splitlines()[-1:]), "no reason given")
    return Reach("unreachable", last.rpartition(": ")[2])


def _meaning(code: int, said: str) -> Reach:
    if code == CONNECTED:
        return Reach("answers")
    return of_error(said) if code == FAILED else Reach("silent")
