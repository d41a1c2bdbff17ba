"""A host with two verbs: `read` asks, `write` changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from opsbook.errors import Bug, CommandFailed, ConnectionLost, PlanEnds, UsageError
from opsbook.events import Event, Kind, Tell
from opsbook.host.asking import CLOCK, Read, Result, Upload, Write
from opsbook.host.plugs import SOURCES, Door, Fetched, Guard, Hands, Transport
from opsbook.host.run import Run
from opsbook.host.verdict import Verdict, never_ran
from opsbook.inventory import HostEntry, Service, Stack
from opsbook.mask import Mask
from opsbook.shell import Command, Secret
from opsbook.web import Endpoint, Request

__all__ = ["CLOCK", "Door", "Fetched", "Guard", "Hands", "Host", "Read", "Result", "Run", "Transport", "Upload", "Write"]
T = TypeVar("T")
GRACE = 15      # seconds for the wrapper on the host to stop a write that takes too long, and to say so


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
    connect_anew: Callable[[Host], Host] | None = None             # plugged in by the runner
    try_door: Callable[[HostEntry], Door] | None = None            # knocks at sshd; plugged in by the runner
    fetch_here: Callable[[str, str], Fetched] | None = None        # fetches for all hosts on this machine; plugged in by the runner
    answer: Callable[[str], None] | None = None                    # asks the operator, raises Declined
    keep_on_host: Callable[[dict[str, Any]], None] | None = None   # saves run.kept in the record
    keep_secrets: Callable[[dict[str, str]], None] | None = None   # saves run.secrets in the record
    hands: Hands | None = None                                     # takes the operator's secrets, and gives them; plugged in by the runner
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
            result = self._asked(question)
        except CommandFailed:
            if self.run.plan and self.run.skipped:
                raise PlanEnds(str(question.ask)) from None
            raise
        return self._verdict.parsed(question, result)

    def clean(self, question: Read[T]) -> T:
        """Ask even after Ctrl-C: for removing scratch of our own, which must not be left behind."""
        return self._verdict.parsed(question, self._asked(question))

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
        result = self._sent(change)
        if isinstance(change.do, Command):
            self._verdict.accept_wrapped(change, result)
        self._verdict.accept(change.do, change.answers, result)

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

    def adopt(self, kept: dict[str, Any], secrets: dict[str, str]) -> None:
        """Take over what a record has kept, and hide its secrets from here on."""
        self.mask.learn(secrets.values())
        self.run.kept, self.run.secrets = dict(kept), dict(secrets)

    def keep_secret(self, name: str, value: Secret) -> None:
        """Keep a secret in the run record on the host until the run is proven or undone."""
        self.mask.learn([value.value])
        self.run.secrets[name] = value.value
        if not self.run.plan and self.keep_secrets is not None:
            self.keep_secrets(self.run.secrets)

    def kept_secret(self, name: str) -> Secret | None:
        """Return a secret that this run has kept, also where a killed one of the same parameters did; nothing where there is none."""
        value = self.run.secrets.get(name)
        return Secret(value) if value is not None else None

    def obtain(self, what: str, source: str, *, in_plan: bool = False) -> Secret:
        """Return a secret of the operator's: `prompt`, `-` (standard input), `generate` or a file; in a plan one that means nothing,
        unless `in_plan` says that it is needed there, too."""
        if self.run.plan and not in_plan:
            self._tell("then", f"take {what} from {SOURCES.get(source, source)}")
            return Secret(f"opsbook-plans-{what.replace(' ', '-')}")
        secret = self._hands.obtain(what, source)
        self.mask.learn([secret.value])
        return secret

    def may_hand_over(self, what: str, to: str, secret: Secret | None = None) -> None:
        """Return when `hand_over` will find its way there; raise Refused when not. To be asked before the first write."""
        if not self.run.plan:
            self._hands.may_hand_over(what, to, secret)

    def hand_over(self, what: str, secret: Secret, to: str) -> None:
        """Give the operator a secret: on the `terminal`, in a new file, or to `!COMMAND`; raise Refused or CommandFailed."""
        if self.run.plan:
            self._tell("then", f"hand over {what}: {to}")
        else:
            self._hands.hand_over(what, secret, to)

    def peer(self, role: str) -> Host:
        """Return the host with that role, read-only, over its own connection."""
        if self.connect_peer is None:
            raise Bug("this run cannot reach other hosts")
        return self.connect_peer(role)

    def anew(self) -> Host:
        """Return this host over a new connection, which its first use opens: the same run, lock and record behind another login."""
        if self.connect_anew is None:
            raise Bug("this run cannot log in once more")
        return self.connect_anew(self)

    def door(self, user: str) -> Door:
        """Return what this host's sshd has for that user now, seen from here, over connections of its own."""
        if self.try_door is None:
            raise Bug("this run cannot knock at the host's door")
        return self.try_door(replace(self.entry, login=user))

    def fetched(self, folder: str, name: str) -> Fetched:
        """Return a file of that URL, which this machine has fetched once for all hosts; raise Refused when it cannot be had."""
        if self.fetch_here is None:
            raise Bug("this run fetches nothing for its hosts")
        return self.fetch_here(folder, name)

    @property
    def _hands(self) -> Hands:
        if self.hands is None:
            raise Bug("this run cannot take secrets from the operator or give them")
        return self.hands

    @property
    def _verdict(self) -> Verdict:
        return Verdict(self.name, self.mask)

    def _asked(self, question: Read[Any]) -> Result:
        """Send a question; return what came back if it is an answer."""
        result = self._send(question.ask, question.stdin, question.within, "read", str(question.ask))
        self._verdict.accept(question.ask, question.answers, result)
        return result

    def _sent(self, change: Write) -> Result:
        """Send a change behind the guard; return whatever came back. It counts as made, unless the host says that it never ran."""
        before = self.run.changed
        with self.guard.writing(change):
            self.run.changed = True
            self._remembered.clear()
            wrapped = self.guard.wrap(change.do, change.within) if isinstance(change.do, Command) else change.do
            result = self._send(wrapped, change.stdin, change.within + GRACE, "write", str(change.do), change.title)
        self._remembered.clear()
        if isinstance(change.do, Command) and never_ran(result):
            self.run.changed = before
        return result

    def _send(
        self, ask: Command | Request | Upload, stdin: str | Secret | None, within: float, kind: Kind, asked: str, title: str = ""
    ) -> Result:
        """Send it and tell so; `asked` is how people read it."""
        text = self._plain(ask, stdin)
        try:
            result = self._by_its_way(ask, text, within)
        except TimeoutError:
            self._tell(kind, title or asked, asked=asked, error="no answer")
            raise self._mute(ask, kind, f"`{self.mask(asked)}` gave no answer within {within:g} s") from None
        except ConnectionLost as lost:
            lost.host = lost.host or self.name
            raise
        self._tell(kind, title or asked, asked=asked, code=result.code, seconds=round(result.seconds, 4), size=len(result.out))
        return result

    def _mute(self, ask: Command | Request | Upload, kind: Kind, what: str) -> CommandFailed | ConnectionLost:
        """Return the error for no answer; a command that changes something may be at work still, and no undo may run beside it."""
        if kind != "write" or not isinstance(ask, Command):
            return CommandFailed(what, host=self.name)
        again = "run the same command again: it waits until that has ended"
        return ConnectionLost(f"{what}: it may still be at work on the host", next=again, host=self.name)

    def _by_its_way(self, ask: Command | Request | Upload, stdin: str | None, within: float) -> Result:
        if isinstance(ask, Command):
            return self.transport.run(ask, stdin, within)
        return self._fetch(ask, within) if isinstance(ask, Request) else self.transport.send(ask, within)

    def _plain(self, ask: Command | Request | Upload, stdin: str | Secret | None) -> str | None:
        """Learn what must be hidden from now on; return the standard input as text."""
        if isinstance(ask, Command):
            self.mask.learn(ask.secrets())
        if not isinstance(stdin, Secret):
            return stdin
        self.mask.learn([stdin.value])
        return stdin.value

    def _fetch(self, request: Request, within: float) -> Result:
        endpoint = request.at or self._located(self.stack.service(request.service))
        try:
            return self.transport.fetch(endpoint, request, within)
        except ConnectionRefusedError as refused:
            what = f"{request.service} does not answer on port {endpoint.port}"
            look = f"opsbook triage {self.name}" if request.at else f"opsbook logs {request.service} {self.name}"
            raise CommandFailed(what, saw=str(refused), next=look, host=self.name) from None

    def _located(self, service: Service) -> Endpoint:
        if self.locate is None:
            raise Bug("this run cannot reach services")
        return self.locate(self, service)

    def _tell(self, kind: Kind, title: str, /, **detail: object) -> None:
        masked = {key: self.mask.deep(value) for key, value in detail.items()}
        self.tell(Event(kind, self.name, self.mask(title), masked))
