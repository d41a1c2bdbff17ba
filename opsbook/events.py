"""What happens in a run, as values; screen, journal and `--jsonl` each turn them into their own form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "run",      # a run starts; detail: runbook, params, hosts, operator, plan, run id
    "connect",  # a host is being contacted; detail: address, user
    "step",     # a step or check of the runbook starts; detail: name, phase
    "done",     # that step ended well; detail: seconds, already
    "read",     # a question was asked; detail: asked, code, seconds, size, error output on failure
    "write",    # a change was sent; detail: change, code, seconds
    "then",     # a plan shows a change or a check that would follow
    "ready",    # one host of several has looked and stands before its first write, which the title tells
    "say",      # text for the operator; detail: text
    "line",     # a line of an answer that comes line by line; for standard output, not kept in the journal
    "answer",   # what a reading runbook answered; detail: data, trouble, next; for --jsonl, not kept in the journal
    "wait",     # a check is being waited for; detail: saw, left
    "proof",    # a proof was evaluated; detail: ok, saw
    "evidence", # logs and states kept before an undo; detail: text
    "fail",     # an error ended the step or run; detail: error, saw, next
    "end",      # a host's run ended; detail: code, changed, state
]


@dataclass(frozen=True)
class Event:
    """One thing that happened on one host (`host` is empty for the run as a whole)."""

    kind: Kind
    host: str
    title: str
    detail: Mapping[str, object] = field(default_factory=dict)


Tell = Callable[[Event], None]
