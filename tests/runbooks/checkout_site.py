"""A host whose git and files are real, in a folder of the test; its container is made up and raises on what nobody foresaw."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from opsbook.check import Seen, look_once
from opsbook.events import Event
from opsbook.host import Host, Result, Run
from opsbook.page import pages
from opsbook.runbook import Runbook, load
from opsbook.shell import Command
from opsbook.web import Endpoint, Request
from tests.fake import ENTRY, STACK, FakeClock, FakeGuard, Untaught, a_run, fake_host
from tests.fake_docker import inspected
from tests.here import Here
from tests.repos import clone, commit, git, repo

RUNBOOKS = Path(__file__).parents[2] / "runbooks"


def book(name: str) -> Runbook:
    """Return the runbook of that name as operators have it."""
    return load(pages([RUNBOOKS])[name])


@dataclass
class FakeService(Here):
    """One container over a folder of the checkout, and the service in it: it loads its files when it is told to."""

    service: str = ""
    folder: Path = Path()                                       # what it has mounted
    inside: str = ""                                            # and where
    alone: tuple[str, ...] = ()                                 # files of the folder that are mounted one by one
    running: bool = True
    ready: bool = True
    hears: bool = True                                          # a reload does something
    good: bool = True                                           # the last reload succeeded
    at: float = 0.0
    stale: dict[str, str] = field(default_factory=dict)         # files that the process sees otherwise, by path inside
    verdict: Result = field(default_factory=lambda: Result(0, "SUCCESS"))
    judged: list[str] = field(default_factory=list)             # what the judge saw of the first file
    ordered: list[str] = field(default_factory=list)            # reloads, signals, restarts
    answers: dict[str, Callable[[Request], Result]] = field(default_factory=dict)

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        line = str(command)
        if "docker" not in line:
            return super().run(command, stdin, within)
        self.asked.append(line)
        words = [word for word in command.words if isinstance(word, str)]
        if line.startswith("docker ps"):
            return Result(0, json.dumps([self._inspected()]))
        if "sha256sum" in words:
            paths = [*words[words.index("--") + 1 :], *(stdin or "").split("\0")[:-1]]
            return Result(0, "".join(f"{self._hash(path)}  {path}\n" for path in paths))
        if "run" in words:
            return self.judge(words)
        if words[1] in {"restart", "kill"}:
            self.ordered.append(words[1])
            self.stale.clear()
            self.load()
            return Result(0)
        return self.tool(words, stdin or "")

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        self.asked.append(str(request))
        if request.path == "/-/ready":
            return Result(200 if self.ready else 503)
        if request.path == "/-/reload":
            self.ordered.append("reload")
            if self.hears:
                self.load()
            return Result(200)
        if request.path == "/metrics":
            return Result(200, "".join(f"{name} {value!r}\n" for name, value in self.metrics().items()))
        if request.path not in self.answers:
            raise Untaught(str(request))
        return self.answers[request.path](request)

    def judge(self, words: list[str]) -> Result:
        source = next(word for word in words if word.startswith("--mount=")).split("source=")[1].split(",")[0]
        self.judged.append(source)
        return self.verdict

    def tool(self, words: list[str], stdin: str) -> Result:
        raise Untaught(" ".join(words))

    def load(self) -> None:
        """Take over what the files say."""
        self.at = time.time()

    def metrics(self) -> dict[str, float]:
        return {}

    def seen(self, path: str) -> str:
        """Return a file as the process sees it."""
        return self.stale.get(path) or (self.folder / Path(path).relative_to(self.inside)).read_text()

    def _hash(self, path: str) -> str:
        return hashlib.sha256(b"" if path == "/dev/null" else self.seen(path).encode()).hexdigest()

    def _inspected(self) -> dict[str, Any]:
        mounts = {str(self.folder): self.inside, **{f"{self.folder}/{name}": f"{self.inside}/{name}" for name in self.alone}}
        return inspected(self.service, status="running" if self.running else "exited", mounts=mounts)


@dataclass
class Site:
    """A config repo, a host's checkout of it, and one service over that."""

    source: Path
    checkout: Path
    service: FakeService
    book: Runbook
    events: list[Event] = field(default_factory=list)
    guard: FakeGuard = field(default_factory=FakeGuard)

    @property
    def head(self) -> str:
        return git(self.checkout, "rev-parse", "HEAD")

    @property
    def said(self) -> str:
        return "\n".join(event.title for event in self.events)

    @property
    def changes(self) -> list[str]:
        return [change.title for change in self.guard.writes]

    def host(self, run: Run | None = None) -> Host:
        stack = replace(STACK, checkout=str(self.checkout), directory=f"{self.checkout}/monitoring")
        run = run or a_run(runbook=self.book.page.name)
        return fake_host(self.service, entry=replace(ENTRY, stack=stack), run=run, guard=self.guard, events=self.events)  # type: ignore[arg-type]

    def steps(self, host: Host | None = None, **params: Any) -> Host:
        """Run the steps and return the host on which they ran."""
        host = host or self.host()
        for step in self.book.steps:
            step(host, self.book.params(**params))
        return host

    def undo(self, host: Host, **params: Any) -> None:
        for step in self.book.undo:
            step(host, self.book.params(**params))

    def false(self, host: Host, **params: Any) -> dict[str, Seen]:
        """Return the sentences of the proof that are not true, by name."""
        clock = FakeClock()
        host.clock, host.pause = clock, lambda _: clock.pause(20)      # so that a wait looks only a few times
        seen = {check.__name__: look_once(host, check, self.book.params(**params)) for check in self.book.proof}
        return {name: one for name, one in seen.items() if not one.ok}

    def push(self, files: dict[str, str | None]) -> str:
        """Commit to the config repo."""
        return commit(self.source, "a change", files)


def site(tmp_path: Path, name: str, files: dict[str, str | None], make: Callable[[Path], FakeService]) -> Site:
    """Return a site whose service has loaded the first commit."""
    source = repo(tmp_path / "source", files)
    checkout = clone(source, tmp_path / "checkout")
    service = make(checkout)
    service.load()
    return Site(source, checkout, service, book(name))
