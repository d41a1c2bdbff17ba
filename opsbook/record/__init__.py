"""What is under way on a host: the run record, which a rerun adopts and an undo needs. It may hold secrets and is never shown."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from opsbook.errors import Refused, UsageError
from opsbook.host import Read, Result
from opsbook.record.folder import STATE, TAKE_STDIN
from opsbook.record.note import Note
from opsbook.shell import Command, script

Phase = Literal["do", "undo", "proven", "undone"]
PHASES = ("do", "undo", "proven", "undone")
ID = re.compile(r"\d{6}-\d{4}-[a-z2-7]{4}")
EXISTS, NOT_OURS, MISSING = 73, 76, 66

# the arguments of every script: $1 size of standard input, $2 id, $3 line for the host's log
LOG = 'logger --tag opsbook -- "$3" 2>/dev/null || :\n'
OURS = 'grep --quiet --fixed-strings "\\"id\\": \\"$2\\"" "$state/record.json" 2>/dev/null'
CREATE = STATE + TAKE_STDIN + f'ln "$new" "$state/record.json" 2>/dev/null || exit {EXISTS}; rm "$new"\n' + LOG
SAVE = STATE + TAKE_STDIN + OURS + f' || exit {NOT_OURS}; mv --force "$new" "$state/record.json"\n'
CLOSE = STATE + TAKE_STDIN + OURS + f""" || exit {NOT_OURS}
mv --force "$new" "$state/done/$2.json" && rm "$state/record.json" || exit 74
rm --force "$state"/.new.*
ls -t "$state/done" | tail --lines=+51 | while IFS= read -r old; do rm --force "$state/done/$old"; done
""" + LOG
# the secrets of the run are removed before it is moved: each is a line of its own, indented deeper than the bracket that closes them
DISCARD = STATE + r"""rm --recursive --force "$state/owed"
[ -e "$state/record.json" ] || exit 0
sed --in-place '/^ "secrets": {$/,/^ }/{/^  /d}' "$state/record.json" || exit 74
id=$(sed --quiet '/^ "id": "[a-z0-9-]*",$/{s/.*: "//;s/",//;p;q}' "$state/record.json")
mv --force "$state/record.json" "$state/done/${id:-unreadable-$(date +%s)}.json"
"""
# only the phase on a line of its own: kept values are indented deeper
MARK_UNDONE = STATE + r"""[ -e "$state/done/$1.json" ] || exit 0
sed --in-place 's/^ "phase": "[a-z]*",$/ "phase": "undone",/' "$state/done/$1.json"
"""
SHOW = f'file=$HOME/.local/state/opsbook/$1; [ -e "$file" ] || exit {MISSING}; cat "$file"\n'


@dataclass(frozen=True)
class Record:
    """One run on one host; `kept` is what undo and a rerun need, `secrets` the same as long as the record is open."""

    id: str
    runbook: str
    params: dict[str, Any] = field(repr=False)
    operator: str
    started: float              # seconds since 1970 by the host's clock
    phase: Phase
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def note(self, phase: Literal["start", "end"], code: int | None = None) -> Note:
        """Return the line about this run for the host's log."""
        return Note(phase, self.id, self.runbook, self.operator, code)


@dataclass(frozen=True)
class Order:
    """A command on the record and its standard input, which may hold secrets."""

    command: Command
    stdin: str | None = field(default=None, repr=False)


def new_id(now: float) -> str:
    """Given the time, return a new run id that sorts by it, such as `261121-0105-k3fq`."""
    tail = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(4))
    return time.strftime("%y%m%d-%H%M-", time.gmtime(now)) + tail


def create(record: Record) -> Order:
    """Put the record on the host and a start line in its log; exit 73 if there is one already."""
    return _order(CREATE, record, record.note("start").text())


def save(record: Record) -> Order:
    """Replace the record by its new state, whole or not at all; exit 76 if another run's record is there."""
    return _order(SAVE, record)


def close(record: Record, code: int) -> Order:
    """Move the record without its secrets to the newest fifty that are kept, and put the end line in the host's log."""
    return _order(CLOSE, replace(record, secrets={}), record.note("end", code).text())


def discard() -> Order:
    """Move whatever record is there to the kept ones."""
    return Order(script(DISCARD))


def mark_undone(run: str) -> Order:
    """Write in the kept record of a run that it was undone."""
    return Order(script(MARK_UNDONE, run))


def current() -> Read[Record | None]:
    """Return the question for the unfinished record."""
    return _show("record.json")


def done(run: str) -> Read[Record | None]:
    """Return the question for the kept record of a closed run."""
    if not ID.fullmatch(run):
        raise UsageError(f"not the id of a run: {run}", next="opsbook history")
    return _show(f"done/{run}.json")


def parse(text: str) -> Record:
    """Return the record in the text; raise Refused when it is damaged."""
    try:
        found = json.loads(text)
        record = Record(**{**found, "started": float(found["started"])})
        maps = (record.params, record.kept, record.secrets)
        whole = record.phase in PHASES and all(isinstance(one, dict) for one in maps) and _texts(record.secrets)
    except (ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        raise Refused(
            "the run record on the host is damaged",
            saw=f"~/.local/state/opsbook/record.json, {len(text)} characters that are not a record",
            next="look at that file, then run the same command with --discard",
        )
    return record


def _texts(secrets_of_it: dict[str, str]) -> bool:
    return all(isinstance(value, str) for value in secrets_of_it.values())


def _order(text: str, record: Record, line: str = "") -> Order:
    body = json.dumps(asdict(record), indent=1) + "\n"
    return Order(script(text, len(body.encode()), record.id, line), body)


def _show(path: str) -> Read[Record | None]:
    return Read(script(SHOW, path), _parse_shown, answers=frozenset({0, MISSING}))


def _parse_shown(result: Result) -> Record | None:
    return None if result.code == MISSING else parse(result.out)
