"""From a parsed command to a finished run: put the pieces together, show what happened, return the exit code."""

from __future__ import annotations

import getpass
import json
import socket
import sys
from contextlib import closing
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from opsbook.runner.outcome import overall
from opsbook.screen import first_line, open_screen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opsbook.cli.state import State
    from opsbook.events import Event, Tell
    from opsbook.inventory import HostEntry
    from opsbook.journal import Journal
    from opsbook.record import Record
    from opsbook.runbook import Page
    from opsbook.runner.job import Job
    from opsbook.runner.outcome import Ended
    from opsbook.screen import Screen

NAMED = 5       # so many hosts are named in the first line


def run_runbook(page: Page, params: Any, hosts: list[HostEntry], state: State, undoing: Record | None = None) -> int:
    """Run the page's runbook on the hosts; return the exit code. Errors before the first contact are raised."""
    need_addresses(hosts, state.inventory().path)
    first_line(headline(page, hosts, state, undo=undoing is not None))
    from opsbook.journal import open_journal
    from opsbook.runbook import load
    from opsbook.runner.fleet import run_all

    journal = open_journal(state.environment)
    options = state.options
    live = not (options.plan or options.step or options.debug)     # where what is shown is the point, every line of it stays
    screen = open_screen(state.environment, hosts=len(hosts), debug=options.debug, live=live)
    tell = chain(screen, journal, state)
    job = make_job(load(page), params, tuple(host.name for host in hosts), state, tell, undoing, screen)
    names, site = [host.name for host in hosts], job.inventory.site
    journal.start(job.id, page.name, job.params_shown, names, job.operator, plan=state.options.plan, site=site)
    with job.stop.listening(), closing(screen):
        ended = run_all(job, hosts)
    code = overall(one.code for one in ended)
    journal.end(job.id, code, {name: state.mask.deep(value) for name, value in job.params_shown.items()})
    conclude(job, ended, code, screen, state)
    for one in ended:
        if one.bug is not None:
            raise one.bug
    if journal.trouble:
        print(f"the journal is not complete: {journal.trouble}", file=sys.stderr)  # noqa: T201
    return code


def undo_run(run: str, host: str | None, state: State) -> int:
    """Run the UNDO of a closed run on its hosts, or on the given one; return the exit code."""
    from opsbook.cli.login import logged_in
    from opsbook.journal import open_journal

    row = open_journal(state.environment).run(run)
    names = [host] if host is not None else list(row.hosts) if row is not None else []
    entries = [logged_in(state.inventory().host(name), state) for name in names]
    need_addresses(entries, state.inventory().path)
    return overall([_tried(run, entry, state) for entry in entries])


def _tried(run: str, entry: HostEntry, state: State) -> int:
    """Undo on one host; its failure is told and does not keep the others from being undone."""
    from opsbook.errors import OpsbookError

    try:
        return _undo_on(run, entry, state)
    except OpsbookError as error:
        print(state.mask(str(error)), file=sys.stderr)  # noqa: T201
        return error.exit_code


def _undo_on(run: str, entry: HostEntry, state: State) -> int:
    from opsbook.cli.connect import kept_record
    from opsbook.errors import Refused
    from opsbook.runbook import load

    record = kept_record(run, entry, state)
    page = state.pages().get(record.runbook)
    if page is None:
        raise Refused(f"the runbook {record.runbook} of that run is gone", next="opsbook list", host=entry.name)
    book = load(page)
    if not book.undo:
        raise Refused(f"{page.name} has no undo of its own", saw=page.undo, host=entry.name)
    params = book.params(**{key: tuple(value) if isinstance(value, list) else value for key, value in record.params.items()})
    return run_runbook(page, params, [entry], state, undoing=record)


def need_addresses(hosts: list[HostEntry], inventory: Path) -> None:
    """Raise UsageError naming the variables that the chosen hosts lack."""
    from opsbook.errors import UsageError

    for host in hosts:
        if host.address is None:
            wanted = ", ".join(host.missing)
            raise UsageError(
                f"not set: {wanted}",
                host=host.name,
                next=f"echo {host.missing[0]}=203.0.113.5 >> {inventory.parent / '.env.local'}   (or set it in the environment)",
            )


def headline(page: Page, hosts: list[HostEntry], state: State, *, undo: bool) -> str:
    """Return the first line: what runs, on which host at which address, and LAB in the lab."""
    lab = state.inventory().lab
    where = ", ".join(f"{host.name} ({_place(host)})" for host in hosts[:NAMED])
    more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
    what = f"undo {page.name}" if undo else page.name
    return f"{'plan of ' if state.options.plan else ''}{what} on {where}{more}{f'  [LAB {lab}]' if lab else ''}"


def _place(host: HostEntry) -> str:
    return f"{f'{host.login}@' if host.login else ''}{host.address}{f':{host.port}' if host.port else ''}"


def chain(screen: Screen, journal: Journal, state: State) -> Tell:
    """Return one listener for screen, journal and `--jsonl`."""

    def tell(event: Event) -> None:
        if "next" in event.detail:
            event = replace(event, detail={**event.detail, "next": state.paste(str(event.detail["next"]))})
        if event.kind not in {"line", "answer"}:
            journal.tell(event)
        if state.options.jsonl:
            sys.stdout.write(json.dumps(asdict(event), ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        elif event.kind != "line" or not state.options.json:
            screen.tell(event)

    return tell


def make_job(book: Any, params: Any, names: tuple[str, ...], state: State, tell: Tell, undoing: Record | None, screen: Screen) -> Job:
    """Return the job with everything plugged in."""
    import time

    from opsbook.cli.connect import tools
    from opsbook.desk import Desk, ask_on_stderr
    from opsbook.record import new_id
    from opsbook.runner.gate import Gate
    from opsbook.runner.job import Job
    from opsbook.runner.main_thread import MainThread
    from opsbook.stop import Stop

    options, page, stop, main = state.options, book.page, Stop(screen.aside), MainThread()
    operator = f"{getpass.getuser()}@{socket.gethostname()}"
    there = sys.stdin.isatty() and not options.json
    desk = Desk(stop, options.yes, options.confirm, there, ask_on_stderr, state.inventory().lab, screen.calm)
    gate = Gate(lambda askings, staying: main.do(lambda: desk.allow(askings, names, page.name, page.risk, page.risk_text, staying)))
    return Job(
        id=new_id(time.time()),
        book=book,
        params=params,
        params_shown=shown_params(params),
        operator=operator,
        options=options,
        inventory=state.inventory(),
        tell=tell,
        mask=state.mask,
        stop=stop,
        desk=desk,
        gate=gate,
        main=main,
        tools=tools(state, operator),
        undoing=undoing,
    )


def shown_params(params: Any) -> dict[str, Any]:
    """Return the parameters as journal and record have them: as JSON."""
    shown: dict[str, Any] = json.loads(json.dumps({field.name: getattr(params, field.name) for field in fields(params)}, default=str))
    return shown


def conclude(job: Job, ended: list[Ended], code: int, screen: Screen, state: State) -> None:
    """Show the answers, the JSON document, and for several hosts a line each at the end."""
    from opsbook.cli.summary import by_kind, told

    reads = job.book.answer is not None
    if state.options.json and not state.options.jsonl:
        document: dict[str, object] = {"run": job.id, "runbook": job.book.page.name, "plan": state.options.plan, "code": code}
        hosts = [{**_as_json(one, state.paste), "answer": one.answer.data if one.answer else None} for one in ended]
        document |= {"hosts": hosts, "ended": by_kind(ended, reads=reads)}
        print(json.dumps(job.mask.deep(document), ensure_ascii=False, indent=2, default=str))  # noqa: T201
        return
    for one in ended:
        if one.answer is not None and not state.options.jsonl:
            hints = tuple(state.paste(line) if line.lstrip().startswith("next:") else line for line in one.answer.lines)
            screen.answer(one.host, replace(one.answer, lines=hints))
            if one.answer.trouble:
                print(f"{one.host}: {one.answer.trouble}", file=sys.stderr)  # noqa: T201
                if one.answer.next:
                    print(f"  next: {state.paste(one.answer.next)}", file=sys.stderr)  # noqa: T201
    for line in way_back(job, ended):
        print(state.paste(f"to take it back: {line}"), file=sys.stderr)  # noqa: T201
    if len(ended) > 1:
        again = "" if state.options.plan else state.paste(job.book.line(job.params_shown, f"--failed-of={job.id}"))
        for line in told(ended, reads=reads, again=again):
            print(state.mask(line), file=sys.stderr)  # noqa: T201


def way_back(job: Job, ended: list[Ended]) -> list[str]:
    """Return what undoes the run on the hosts where it ended well: one line where all have the record of this very run."""
    if not job.book.undo or job.undoing is not None:
        return []
    done = [one for one in ended if one.record and one.code == 0]
    if len(done) > 1 and len(done) == len(ended) and {one.record for one in done} == {job.id}:
        return [f"opsbook undo {job.id}"]
    return [f"opsbook undo {one.record} {one.host}" for one in done]


def _as_json(one: Ended, hint: Callable[[str], str]) -> dict[str, object]:
    error = one.error
    return {
        "host": one.host,
        "code": one.code,
        "state": one.state,
        "changed": one.changed,
        "proofs": [asdict(proof) for proof in one.proofs],
        "error": {"what": error.what, "saw": error.saw, "next": hint(error.next)} if error else None,
    }
