"""A host with two verbs: `read` asks, `write` changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from opsbook.errors import Bug, CommandFailed, ConnectionLost, PlanEnds, UsageError
from opsbook.events import Event, Kind, Tell
from opsbook.hints import hint_for
from opsbook.inventory import HostEntry, Service, Stack
from opsbook.mask import Mask
from opsbook.shell import Command, Secret, cmd
from opsbook.web import Endpoint, Request

T = TypeVar("T")
Answer_co = TypeVar("Answer_co", covariant=True)
OK = frozenset({0})
HTTP_OK = frozenset({200, 204})
TIMED_OUT = frozenset({124, 137})           # a write that took too long
NOT_RUN, NOT_RUN_WORDS = 76, "opsbook: the lock on this host is no longer ours: nothing was run"


@dataclass(frozen=True)
class Result:
    """What came back: exit code or HTTP status, standard output or body, standard error, seconds it took."""

    code: int
    out: str = ""
    err: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Read(Generic[Answer_co]):
    """A question and the parser of its answer; `answers` are the codes that count as one, `within` is in seconds."""

    ask: Command | Request
    parse: Callable[[Result], Answer_co]
    stdin: str | Secret | None = None
    answers: frozenset[int] | None = None
    within: float = 30


@dataclass(frozen=True)
class Write:
    """A change; `within` is in seconds."""

    do: Command | Request
    title: str
    stdin: str | Secret | None = None
    answers: frozenset[int] | None = None
    within: float = 120
    about: str = ""     # what the operator is asked about, where this write only prepares it


CLOCK = Read(cmd("date", "+%s.%N"), lambda result: float(result.out))


class Transport(Protocol):
    """The one way to a host: SSH, or a fake that was taught its answers."""

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        """Run the command; raise ConnectionLost when no exit code came, TimeoutError after `within` seconds."""

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        """Send the request from the host; a refused port raises ConnectionRefusedError."""

    def follow(self, command: Command) -> Iterator[str]:
        """Yield the command's lines as they come; closing the iterator ends the command on the host."""

    def close(self) -> None:
        """Close the connection."""


class Guard(Protocol):
    """What stands between a run and its writes: lock, confirmation, record. Supplied by the runner."""

    def writing(self, change: Write) -> AbstractContextManager[None]:
        """Enter when the change may be sent; raise Declined, Refused, ConnectionLost or Interrupted when not."""

    def wrap(self, command: Command, within: float) -> Command:
        """Return the command as it must run on the host: under the write lock and a time limit."""

    def stopped(self) -> None:
        """Raise Interrupted when the operator has pressed Ctrl-C."""


@dataclass
class Run:
    """The run as its steps see it."""

    id: str
    runbook: str
    operator: str
    plan: bool = False
    reads_only: bool = False
    started: float = 0.0                                # seconds since 1970 by the host's clock
    changed: bool = False                               # the first write was sent
    skipped: bool = False                               # a plan has shown its first write
    kept: dict[str, Any] = field(default_factory=dict)  # what undo and a rerun need; lives in the record on the host


@dataclass
class Host:
    """One host during one run."""

    entry: HostEntry
    transport: Transport
    run: Run
    tell: Tell
    guard: Guard
    mask: Mask = field(default_factory=Mask)
    locate: Callable[[Host, Service], Endpoint] | None = None      # where a service listens; plugged in from systems/docker
    connect_peer: Callable[[str], Host] | None = None              # plugged in by the runner
    answer: Callable[[str], None] | None = None                    # asks the operator, raises Declined
    keep_on_host: Callable[[dict[str, Any]], None] | None = None   # saves run.kept in the record
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep                    # the runner plugs in one that Ctrl-C ends
    _remembered: dict[Read[Any], Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the inventory name."""
        return self.entry.name

    @property
    def stack(self) -> Stack:
        """Return the host's stack; raise UsageError if it has none."""
        if self.entry.stack is None:
            raise UsageError("this host has no stack in the inventory", host=self.name, next="opsbook hosts")
        return self.entry.stack

    def read(self, question: Read[T]) -> T:
        """Ask and return the parsed answer; raise CommandFailed when the code is no answer."""
        self.guard.stopped()
        try:
            result = self._send(question.ask, question.stdin, question.within)
            self._judge(question.ask, question.answers, result)
        except CommandFailed:
            if self.run.plan and self.run.skipped:
                raise PlanEnds(str(question.ask)) from None
            raise
        return self._parsed(question, result)

    def clean(self, question: Read[T]) -> T:
        """Ask even after Ctrl-C: for removing scratch of our own, which must not be left behind."""
        result = self._send(question.ask, question.stdin, question.within)
        self._judge(question.ask, question.answers, result)
        return self._parsed(question, result)

    def _parsed(self, question: Read[T], result: Result) -> T:
        try:
            return question.parse(result)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            shown = self.mask(result.out)[:200]     # in this order: half a secret is not recognized
            what = f"`{self.mask(str(question.ask))}` gave an answer that cannot be read"
            raise CommandFailed(what, saw=f"{type(error).__name__}: {self.mask(str(error))}\n{shown}", host=self.name) from error

    def recall(self, question: Read[T]) -> T:
        """Return the answer from before if nothing was written since, else ask; for what only a change of ours can alter."""
        if question not in self._remembered:
            self._remembered[question] = self.read(question)
        found: T = self._remembered[question]
        return found

    def now(self) -> float:
        """Return the host's own time, in seconds since 1970."""
        return self.read(CLOCK)

    def write(self, change: Write) -> None:
        """Make the change once, after lock and operator agreed; in a plan show it instead."""
        if self.run.reads_only:
            raise Bug(f"{self.run.runbook} only reads, yet wants to: {change.title}")
        if self.run.plan:
            self.run.skipped = True
            self._tell("then", change.title, change=str(change.do))
            return
        before = self.run.changed
        with self.guard.writing(change):
            self.run.changed = True
            self._remembered.clear()
            wrapped = self.guard.wrap(change.do, change.within) if isinstance(change.do, Command) else change.do
            result = self._send(wrapped, change.stdin, change.within + 15, shown=change.do, kind="write", title=change.title)
        self._remembered.clear()
        if isinstance(change.do, Command):
            self._judge_wrapped(change, result, before)
        self._judge(change.do, change.answers, result)

    def _judge_wrapped(self, change: Write, result: Result, changed_before: bool) -> None:
        """Raise for the codes of the wrapper that every write runs in."""
        if result.code == NOT_RUN and NOT_RUN_WORDS in result.err:
            self.run.changed = changed_before
            raise ConnectionLost(f"the lock was lost before this could run: {self.mask(change.title)}", host=self.name)
        if result.code in TIMED_OUT:
            what = f"`{self.mask(str(change.do))}` did not end within {change.within:g} s and was stopped"
            raise CommandFailed(what, saw=self.mask(result.err).strip(), next=f"opsbook triage {self.name}", host=self.name)

    def ask(self, question: str) -> None:
        """Ask the operator to do or confirm something by hand; raise Declined on a no."""
        if self.run.plan:
            self._tell("then", f"ask: {question}")
        elif self.answer is not None:
            self.answer(self.mask(question))

    def follow(self, command: Command) -> Iterator[str]:
        """Yield the masked lines of a command that goes on until the iterator is closed."""
        return map(self.mask, self.transport.follow(command))

    def say(self, text: str, /, **detail: object) -> None:
        """Show the operator a line or a block of text."""
        self._tell("say", text, **detail)

    def keep(self, **values: Any) -> None:
        """Keep values in the run record on the host, for undo and for a rerun."""
        self.run.kept.update(values)
        if not self.run.plan and self.keep_on_host is not None:
            self.keep_on_host(self.run.kept)

    def peer(self, role: str) -> Host:
        """Return the host with that role, read-only, over its own connection."""
        if self.connect_peer is None:
            raise Bug("this run cannot reach other hosts")
        return self.connect_peer(role)

    def _send(
        self,
        ask: Command | Request,
        stdin: str | Secret | None,
        within: float,
        *,
        shown: Command | Request | None = None,
        kind: Kind = "read",
        title: str = "",
    ) -> Result:
        text = stdin.value if isinstance(stdin, Secret) else stdin
        if isinstance(stdin, Secret):
            self.mask.learn([stdin.value])
        if isinstance(ask, Command):
            self.mask.learn(ask.secrets())
        asked = str(shown or ask)
        try:
            result = self.transport.run(ask, text, within) if isinstance(ask, Command) else self._fetch(ask, within)
        except TimeoutError:
            self._tell(kind, title or asked, asked=asked, error="no answer")
            raise CommandFailed(f"`{self.mask(asked)}` gave no answer within {within:g} s", host=self.name) from None
        except ConnectionLost as lost:
            lost.host = lost.host or self.name
            raise
        self._tell(kind, title or asked, asked=asked, code=result.code, seconds=round(result.seconds, 4), size=len(result.out))
        return result

    def _fetch(self, request: Request, within: float) -> Result:
        service = self.stack.service(request.service)
        if self.locate is None:
            raise Bug("this run cannot reach services")
        endpoint = self.locate(self, service)
        try:
            return self.transport.fetch(endpoint, request, within)
        except ConnectionRefusedError as refused:
            raise CommandFailed(
                f"{service.name} does not answer on port {endpoint.port}",
                saw=str(refused),
                next=f"opsbook logs {service.name} {self.name}",
                host=self.name,
            ) from None

    def _judge(self, asked: Command | Request, answers: frozenset[int] | None, result: Result) -> None:
        expected = answers or (OK if isinstance(asked, Command) else HTTP_OK)
        if result.code in expected:
            return
        word = "exit code" if isinstance(asked, Command) else "status"
        tail = self.mask("\n".join((result.err or result.out).strip().splitlines()[-10:]))
        raise CommandFailed(
            f"`{self.mask(str(asked))}` gave {word} {result.code}",
            saw=tail or "(no output)",
            next=hint_for(tail) or "",
            host=self.name,
        )

    def _tell(self, kind: Kind, title: str, /, **detail: object) -> None:
        masked = {key: self.mask.deep(value) for key, value in detail.items()}
        self.tell(Event(kind, self.name, self.mask(title), masked))
