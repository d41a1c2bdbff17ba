"""What is shown when all hosts have ended: the answers, the way back, a line each; or one JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from opsbook.cli.summary import by_kind, told
from opsbook.desk import flags
from opsbook.errors import NobodyToAsk
from opsbook.folding import for_people

if TYPE_CHECKING:
    from opsbook.answer import Answer
    from opsbook.cli.state import State
    from opsbook.runner.job import Job
    from opsbook.runner.outcome import Ended
    from opsbook.screen import Screen

Document = dict[str, object]


def print_document(document: Document) -> None:
    """Print the one answer of `--json`."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))  # noqa: T201


def conclude(
    job: Job, ended: Sequence[Ended], code: int, screen: Screen, state: State, show: Callable[[Document], None] = print_document
) -> None:
    """Show how the run ended: with `--json` its document; with `--jsonl` its events have told the answers."""
    if state.options.json and not state.options.jsonl:
        show(_document(job, ended, code, state))
        return
    for one in ended:
        if one.answer is not None and not state.options.jsonl:
            _show(one.host, one.answer, screen, state)
            if len(ended) > 1 and one.answer.trouble:
                _talk("")       # what is wrong with it must not stick to the next host's heading
    for line in _ways_back(job, ended):
        _talk(state.paste(f"to take it back: {line}"))
    if (again := job.book.shuts_out.get(state.options.as_ or "")) and _ways_back(job, ended):
        _talk(f"  {state.options.as_} gets in no more: before that, on the host's console, as root: {again}")
    if len(ended) > 1:
        again = "" if state.options.plan else _again(job, ended)
        for line in told(ended, reads=job.book.answer is not None, again=again):
            _talk(state.paste(state.mask(line)))


def _again(job: Job, ended: Sequence[Ended]) -> str:
    """Return what goes on with the hosts that failed; where nobody could be asked about them, it agrees as well."""
    unasked = [one.host for one in ended if isinstance(one.error, NobodyToAsk)]
    agreed = f" {flags(unasked, job.book.page.risk)}" if unasked else ""
    return f"{job.book.line(job.params_shown, f'--failed-of={job.id}')}{job.options.login}{agreed}"


def _ways_back(job: Job, ended: Sequence[Ended]) -> list[str]:
    """Return what undoes the run on the hosts where it ended well: one line where they have the record of this very run."""
    if not job.book.undo or job.undoing is not None:
        return []
    done = [one for one in ended if one.record and one.code == 0]
    if len(done) > 1 and {one.record for one in done} == {job.id}:
        return [f"opsbook undo {job.id}{job.options.login}"]
    return [f"opsbook undo {one.record} {one.host}{job.options.login}" for one in done]


def _show(host: str, answer: Answer, screen: Screen, state: State) -> None:
    hints = tuple(state.paste(line) if line.lstrip().startswith("next:") else line for line in answer.lines)
    screen.answer(host, replace(answer, lines=hints))
    if answer.trouble:
        _talk(f"{host}: {answer.trouble}")
        if answer.next:
            _talk(f"  next: {state.paste(answer.next)}")


def _document(job: Job, ended: Sequence[Ended], code: int, state: State) -> Document:
    document = {"run": job.id, "runbook": job.book.page.name, "plan": state.options.plan, "code": code}
    hosts = {"hosts": [end_of(one, state) for one in ended], "ended": by_kind(ended, reads=job.book.answer is not None)}
    return cast("Document", job.mask.deep({**document, **hosts}))


def end_of(one: Ended, state: State) -> Document:
    """Return how one host ended."""
    error = one.error
    return {
        "host": one.host,
        "code": one.code,
        "state": one.state,
        "changed": one.changed,
        "proofs": [asdict(proof) for proof in one.proofs],
        "error": {"what": error.what, "saw": error.saw, "next": state.paste(error.next)} if error else None,
        "ways_on": state.paste(one.ways_on),
        "answer": one.answer.data if one.answer else None,
    }


def _talk(text: str) -> None:
    print(for_people(text), file=sys.stderr)  # noqa: T201
