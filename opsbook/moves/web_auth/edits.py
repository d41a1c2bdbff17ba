"""Files that a run changes together: decided once, before the first change; written, and put back, only over what is known to be there."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping

from opsbook.errors import NothingToUndo, Refused
from opsbook.host import Host
from opsbook.moves import giving
from opsbook.moves.web_auth.target import text_of
from opsbook.shell import Secret
from opsbook.systems import files

SUMS, SPANS = "files", "spans"      # kept: the sums before and after, by path; secret: what is replaced, where, and by what
OLD, NEW, OTHER = "as before", "changed by this run", "changed by somebody else"
Span = tuple[int, str, str]


def plan(host: Host, texts: Mapping[str, tuple[str, str]]) -> None:
    """Given old and new texts by path, keep what the change and its way back need; never more of a text than what differs."""
    spans = {path: span(*pair) for path, pair in texts.items()}
    host.keep_secret(SPANS, Secret(json.dumps(spans)))
    host.keep(**{SUMS: {path: [_sum(old), _sum(new)] for path, (old, new) in texts.items()}})


def paths(host: Host) -> tuple[str, ...]:
    """Return the files that this run changes, in their order."""
    return tuple(host.run.kept.get(SUMS, {}))


def state(host: Host, path: str) -> str:
    """Return whether the file is as before, as this run writes it, or neither."""
    before, after = host.run.kept[SUMS][path]
    return {before: OLD, after: NEW}.get(host.read(files.hashes([path])).get(path, ""), OTHER)


def new_text(host: Host, path: str) -> str:
    """Return the text that the file has, or gets; raise Refused where somebody else has changed it."""
    return _turned(host, path, back=False)


def write(host: Host, path: str, about: str = "") -> None:
    """Bring the file to its new text, unless it has it; raise Refused where somebody else has changed it.

    `about` is what the operator is asked where this is the first write.
    """
    if state(host, path) == NEW:
        host.say(f"already so: {path} is changed", already=True)
        return
    giving.place(host, path, _turned(host, path, back=False), about)


def put_back(host: Host) -> None:
    """Bring all files back to their old texts; raise Refused, before the first of them changes, where somebody else has changed one."""
    texts = {path: _turned(host, path, back=True) for path in paths(host) if state(host, path) != OLD}
    for path, text in texts.items():
        giving.place(host, path, text)


def expect_way_back(host: Host) -> None:
    """Raise NothingToUndo where the run has changed nothing, or is proven: then the old password is not kept any more."""
    if host.kept_secret(SPANS) is None:
        what = "the old password is not kept any more" if paths(host) else "this run changed no file"
        raise NothingToUndo(what, next="run it again, with --new prompt for a password of your choice", host=host.name)


def span(old: str, new: str) -> Span:
    """Return where two texts differ, and what each has there."""
    start = _same(old, new)
    end = min(_same(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    return start, old[start : len(old) - end], new[start : len(new) - end]


def _turned(host: Host, path: str, *, back: bool) -> str:
    """Return the text with the change made, or taken back; by its sum it is the very one that was meant."""
    now, wanted = text_of(host, path), host.run.kept[SUMS][path][0 if back else 1]
    if _sum(now) == wanted:
        return now
    secret = host.kept_secret(SPANS)
    if secret is None:
        raise Refused("the record of this run has lost what it was to write", next="opsbook history", host=host.name)
    start, old, new = json.loads(secret.value)[path]
    before, after = (new, old) if back else (old, new)
    made: str = now[:start] + after + now[start + len(before) :]
    if _sum(made) != wanted:
        saw = "it is neither as before nor as this run writes it"
        again = f"look at it; opsbook history --on {host.name} has the run, and opsbook undo RUN {host.name} --discard gives it up"
        raise Refused(f"somebody has changed {path} since", saw=saw, next=again, host=host.name)
    return made


def _same(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
