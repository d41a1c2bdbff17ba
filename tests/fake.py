"""A host that answers only what it was taught, for tests of checks, steps and runbooks.

    fake = FakeTransport()
    fake.teach(cmd("uptime"), "up 3 days")
    host = fake_host(fake)
    assert host.read(Read(cmd("uptime"), text)) == "up 3 days"
    assert fake.asked == ["uptime"]
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opsbook.events import Event
from opsbook.host import Host, Read, Result, Run, Transport, Upload, Write
from opsbook.inventory import HostEntry, Service, Stack
from opsbook.shell import Command
from opsbook.web import Endpoint, Request

Question = Command | Request | Upload | Read[Any] | Write
Answer = Result | str | BaseException


class Untaught(AssertionError):
    """The host was asked something that the test did not foresee."""


@dataclass
class FakeTransport:
    """A transport that raises on everything it was not taught."""

    asked: list[str] = field(default_factory=list)              # in order, as people read it
    sent: dict[str, str | None] = field(default_factory=dict)   # the last standard input or body of each
    closed: bool = False
    _answers: dict[str, list[Answer]] = field(default_factory=dict)
    _effects: dict[str, Callable[[], None]] = field(default_factory=dict)

    def teach(self, question: Question, *answers: Answer) -> None:
        """Answer the question so from now on; of several answers each serves once and the last one for good.

        A text is an answer with exit code 0 or status 200; an exception is raised.
        """
        good = 200 if isinstance(_asked(question), Request) else 0
        told = answers or ("",)
        self._answers[_key(question)] = [Result(good, answer) if isinstance(answer, str) else answer for answer in told]

    def after(self, question: Question, effect: Callable[[], None]) -> None:
        """Let the question change what the host answers later: `fake.after(reload, lambda: fake.teach(rules, new))`."""
        self._effects[_key(question)] = effect

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        return self._answer(command, str(command), stdin)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        return self._answer(request, str(request), request.body)

    def send(self, upload: Upload, within: float) -> Result:
        return self._answer(upload, str(upload), None)

    def follow(self, command: Command) -> Iterator[str]:
        yield from self._answer(command, str(command), None).out.splitlines()

    def close(self) -> None:
        self.closed = True

    def _answer(self, question: Command | Request | Upload, shown: str, sent: str | None) -> Result:
        key = _key(question)
        self.asked.append(shown)
        self.sent[shown] = sent
        if key not in self._answers:
            near = difflib.get_close_matches(key, self._answers, n=1, cutoff=0.3)
            raise Untaught("\n".join(["nobody taught this host:", key, "the nearest it knows:", *near]))
        answers = self._answers[key]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if key in self._effects:
            self._effects[key]()
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Result) else Result(0, answer)


@dataclass
class FakeGuard:
    """A guard that lets every write pass and keeps it, until it is told to refuse."""

    writes: list[Write] = field(default_factory=list)
    refuse: BaseException | None = None
    interrupted: BaseException | None = None

    @contextmanager
    def writing(self, change: Write) -> Iterator[None]:
        if self.refuse is not None:
            raise self.refuse
        self.writes.append(change)
        yield

    def wrap(self, command: Command, within: float) -> Command:
        return command

    def stopped(self) -> None:
        if self.interrupted is not None:
            raise self.interrupted


@dataclass
class FakeClock:
    """A clock that moves only when somebody pauses."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


SERVICES = (
    Service("prometheus", 9090, healthy="/-/healthy", ready="/-/ready"),
    Service("thanos-sidecar", 10902, healthy="/-/healthy", ready="/-/ready"),
    Service("thanos-query", 10904, healthy="/-/healthy", ready="/-/ready"),
    Service("alertmanager", 9093, healthy="/-/healthy", ready="/-/ready"),
    Service("loki", 3100, ready="/ready"),
    Service("promtail", 9080, ready="/ready"),
    Service("blackbox-exporter", 9115, healthy="/-/healthy"),
    Service("caddy", 2019, healthy="/config/", inside=True),
    Service("queue-exporter", 9200, healthy="/metrics", metrics=("queue_depth", "queue_exporter_up"), job="queue-exporter", exporter=True),
)
STACK = Stack(
    "p24",
    checkout="/opt/p24-infra",
    directory="/opt/p24-infra/monitoring",
    project="monitoring",
    scrape=2,
    evaluation=1,
    settle=30,
    stable=3,
    services=SERVICES,
)
ENTRY = HostEntry("vps-i1", address="192.0.2.10", user="claude-admin", stack=STACK, roles=("node", "docker"))


def at_its_port(host: Host, service: Service) -> Endpoint:
    """Every service listens on the host's loopback."""
    return Endpoint(service.scheme, port=service.port)


def fake_host(
    transport: Transport | None = None,
    *,
    entry: HostEntry = ENTRY,
    run: Run | None = None,
    guard: FakeGuard | None = None,
    events: list[Event] | None = None,
    locate: Callable[[Host, Service], Endpoint] = at_its_port,
) -> Host:
    """Return a host on that transport; `host.guard.writes` has its writes, `events` what was told."""
    clock = FakeClock()
    told: list[Event] = [] if events is None else events
    return Host(
        entry=entry,
        transport=transport or FakeTransport(),
        run=run or a_run(),
        tell=told.append,
        guard=guard or FakeGuard(),
        locate=locate,
        clock=clock,
        pause=clock.pause,
    )


def a_run(*, runbook: str = "test", plan: bool = False, reads_only: bool = False, started: float = 1_700_000_000.0) -> Run:
    """Return a run of nobody in particular."""
    return Run("261121-0105-k3fq", runbook, "anna", plan=plan, reads_only=reads_only, started=started)


def _asked(question: Question) -> Command | Request | Upload:
    if isinstance(question, Read):
        return question.ask
    return question.do if isinstance(question, Write) else question


def _key(question: Question) -> str:
    asked = _asked(question)
    if isinstance(asked, Upload):
        return str(asked)
    return asked.line() if isinstance(asked, Command) else f"{asked} {asked.body or ''}".rstrip()
