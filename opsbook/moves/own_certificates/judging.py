"""Whether a stack's certificates are good, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.own_certificates.wanted import Wanted, find
from opsbook.moves.triage.words import age
from opsbook.systems import own_ca
from opsbook.systems.own_ca import Certificate

DAY = 86400.0
LEFT = 3            # a third of its life, and it is renewed
OTHERS = 0o007


@dataclass(frozen=True)
class State:
    """The CA, what is wanted, and what is there; times by the host's clock."""

    folder: str
    ca: Certificate
    wanted: tuple[Wanted, ...]
    there: dict[str, Certificate]
    now: float


def look(host: Host) -> State:
    """Return how things are; names that a certificate has already are wanted for the new one, too."""
    wanted, folder = find(host), host.recall(own_ca.folder(host.stack.project))
    pairs = [(one.cert, one.key) for one in wanted]
    ca = f"{folder}/ca.crt"
    there = host.read(own_ca.inspect(ca, [(ca, f"{folder}/ca.key"), *pairs]))
    kept = tuple(one.also(sorted(there[one.cert].names)) for one in wanted)
    return State(folder, there[ca], kept, there, host.now())


def expect_ours(host: Host, state: State) -> None:
    """Raise Refused where this login may not replace a certificate."""
    for one in state.wanted:
        if not state.there[one.cert].ours:
            saw = f"{one.cert} and {one.key} are not both in a folder that we may write in"
            fix = f"ls -ld {one.cert.rpartition('/')[0]} (on {host.name})"
            raise Refused(f"the certificate of {one.service.name} cannot be replaced", saw=saw, next=fix, host=host.name)


def reasons(state: State, one: Wanted) -> tuple[str, ...]:
    """Return why this certificate wants to be made anew; nothing where it is good."""
    return tuple(_reasons(state, one))


def reasons_for_ca(state: State, days: int) -> tuple[str, ...]:
    """Return why there must be a new CA; nothing where the one there can sign what is wanted."""
    return tuple(_reasons_for_ca(state, days))


def due(state: State, days: int, *, force: bool) -> tuple[Wanted, ...]:
    """Return what is to be made anew: what is not good, and everything where the CA is new or the operator says so."""
    everything = force or bool(reasons_for_ca(state, days))
    return tuple(one for one in state.wanted if everything or reasons(state, one))


def names(wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """Return all names of these certificates, each once."""
    return tuple(dict.fromkeys(name for one in wanted for name in one.names))


def _reasons(state: State, one: Wanted) -> Iterator[str]:
    found = state.there[one.cert]
    if not found.ends:
        yield "there is none"
        return
    if not found.verifies:
        yield "this stack's CA did not sign it, or it has expired"
    if lacks := sorted(set(one.names) - found.names):
        yield f"it lacks {', '.join(lacks)}"
    if (left := found.ends - state.now) < (found.ends - found.starts) / LEFT:
        yield f"it ends in {age(left)}" if left > 0 else "it has expired"
    yield from _of_the_key(found, one)


def _of_the_key(found: Certificate, one: Wanted) -> Iterator[str]:
    if found.key is None:
        yield "it has no key"
    elif not found.key.lets_read(one.uid, one.gid):
        yield f"its key is not readable for the user {one.uid}"
    elif found.key.mode & OTHERS:
        yield f"everybody may read its key (mode {found.key.mode:04o})"


def _reasons_for_ca(state: State, days: int) -> Iterator[str]:
    if not state.ca.ends or state.ca.key is None:
        yield "there is none yet"
        return
    if not state.ca.verifies or state.ca.ends < state.now + days * DAY:
        yield "it ends too soon"
    if lacks := sorted(set(names(state.wanted)) - state.ca.may_sign):
        yield f"it may not sign for {', '.join(lacks)}"
