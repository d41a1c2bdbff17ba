"""A job on fake hosts: the real runner, guard, gate and fleet, with a transport that was taught and a lock that is a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsbook import record as records
from opsbook.desk import Desk
from opsbook.errors import ConnectionLost, OpsbookError
from opsbook.events import Event
from opsbook.host import Host, Result, Run
from opsbook.inventory import HostEntry, Inventory
from opsbook.mask import Mask
from opsbook.options import Options
from opsbook.page import Page, folders, pages
from opsbook.record import Record
from opsbook.runbook import NoParams, Runbook
from opsbook.runner.fleet import run_all
from opsbook.runner.gate import Gate
from opsbook.runner.job import Job, Tools
from opsbook.runner.main_thread import MainThread
from opsbook.runner.outcome import Ended
from opsbook.shell import Command, cmd
from opsbook.stop import Stop
from opsbook.watch.debts import Payment
from opsbook.watch.opening import Opening
from tests.fake import ENTRY, FakeTransport, at_its_port


@dataclass
class FakeWatch:
    """A lock that is held until told otherwise."""

    opening: Opening = field(default_factory=lambda: Opening(1_700_000_000.0))
    lost: bool = False
    released: bool = False
    owed: tuple[Payment, ...] = ()      # what the host could or could not put back at the end

    def beat(self) -> None:
        if self.lost:
            raise ConnectionLost("the lock is lost")

    def wrap(self, command: Command, within: float) -> Command:
        return command

    def release(self) -> tuple[Payment, ...]:
        self.released = True
        return self.owed


class RecordingTransport(FakeTransport):
    """Knows the scripts of record and clock besides what it was taught, and keeps the records it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[str] = []
        self.marked = False         # the kept record of a run says now that it was undone
        self.record_code = 0        # what closing a record gives
        self.open_record = ""       # what a plan finds, which takes no lock
        self.teach(cmd("date", "+%s.%N"), "1700000100.5")

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        closes = '"phase": "proven"' in (stdin or "") or '"phase": "undone"' in (stdin or "")
        if self.record_code and "record.json" in command.line() and closes:
            return Result(self.record_code, "", "no space left on device")
        if stdin is None and "undone" in command.line():
            self.marked = True
            return Result(0)
        if command == records.current().ask:
            self.asked.append("the open record")
            return Result(0, self.open_record) if self.open_record else Result(records.MISSING)
        if "record.json" in command.line():
            self.records.append(stdin or "discarded")
            return Result(0)
        return super().run(command, stdin, within)


def page(risk: str = "mild") -> Page:
    return Page("make-it-so", "Make it so", "always", risk, "little", "opsbook undo", "test", Path("test.py"))  # type: ignore[arg-type]


@dataclass
class World:
    """Everything a test may look at afterwards."""

    events: list[Event] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    transports: dict[str, RecordingTransport] = field(default_factory=dict)
    watch: FakeWatch = field(default_factory=FakeWatch)
    stop: Stop = field(default_factory=Stop)
    answers: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None      # what happens while the operator thinks
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict)     # further hosts of the inventory, where nothing is run
    pages: dict[str, Page] = field(default_factory=lambda: pages(folders(None)))

    @property
    def transport(self) -> RecordingTransport:
        return self.transports.setdefault("vps-i1", RecordingTransport())

    def kinds(self, *kinds: str) -> list[str]:
        return [f"{event.kind}: {event.title}" for event in self.events if event.kind in kinds]

    def run(
        self,
        book: Runbook,
        *names: str,
        options: Options = Options(yes=True),
        params_shown: dict[str, Any] | None = None,
        undoing: Record | None = None,
    ) -> list[Ended]:
        entries = [HostEntry(name, "192.0.2.1", stack=ENTRY.stack) for name in names or ("vps-i1",)]
        self.jobs.append(self._job(book, entries, options, params_shown or {}, undoing))
        return run_all(self.jobs[-1], entries)

    def _job(self, book: Runbook, entries: list[HostEntry], options: Options, shown: dict[str, Any], undoing: Record | None) -> Job:
        main = MainThread()
        desk = Desk(self.stop, options.yes, options.confirm, terminal=bool(self.answers), line=self._line)
        names = tuple(entry.name for entry in entries)
        allow: Callable[..., None] = lambda askings, staying: main.do(
            lambda: desk.allow(askings, names, "make-it-so", book.page.risk, "", staying)
        )
        tools = Tools(
            lambda entry: self.transports.setdefault(entry.name, RecordingTransport()),
            lambda _transport, _entry, _runbook: self._taken(),  # type: ignore[arg-type,return-value]
            lambda host: None,
            at_its_port,
            self.pages.get,
        )
        others = [HostEntry(name, "192.0.2.2", roles=roles) for name, roles in self.roles.items()]
        inventory = Inventory(Path("inventory.yaml"), (*entries, *others), ())
        return Job(
            "261121-0105-aaaa",
            book,
            NoParams(),
            shown,
            "anna@desk",
            options,
            inventory,
            self.events.append,
            Mask(),
            self.stop,
            desk,
            Gate(allow),
            main,
            tools,
            undoing,
        )

    def _taken(self) -> FakeWatch:
        if isinstance(self.watch, OpsbookError):
            raise self.watch
        return self.watch

    def _line(self, question: str) -> str:
        self.questions.append(question)
        self.before_answer()
        return self.answers.pop(0)


def book(
    steps: tuple[Any, ...],
    proof: tuple[Any, ...],
    undo: tuple[Any, ...] = (),
    undone: tuple[Any, ...] = (),
    risk: str = "mild",
    evidence: tuple[Any, ...] = (),
) -> Runbook:
    return Runbook(page(risk), NoParams, "stack", steps, proof, undo, undone, None, evidence)


def reading(answer: Callable[[Host, Any], object]) -> Runbook:
    return Runbook(page("reads"), NoParams, "stack", answer=answer)


__all__ = ["Ended", "FakeWatch", "RecordingTransport", "Run", "World", "book", "reading"]
