"""The remote calls of a real run, in order, so that a shell script can make the very same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from opsbook.cli.making_job import make_job
from opsbook.cli.state import State
from opsbook.host import Result, Transport
from opsbook.inventory import HostEntry
from opsbook.options import Options
from opsbook.runbook import load
from opsbook.runner.fleet import run_all
from opsbook.screen import Plain
from opsbook.screen.lines import lines
from opsbook.shell import Command
from opsbook.ssh import Ssh
from opsbook.ssh.talking import LongTalk
from opsbook.web import Endpoint, Request
from tests.benchmarks.place import Place

BYE = "bye\n"       # all that a watch must be told


@dataclass(frozen=True)
class Ran:
    """A command, what it read, and its exit code."""

    line: str
    stdin: str
    code: int


@dataclass(frozen=True)
class Fetched:
    """A question over HTTP, as curl takes it."""

    url: str
    headers: tuple[str, ...]
    status: int


Call = Ran | Fetched


class Recorder(Ssh):
    """A connection that remembers what went over it."""

    def __init__(self, entry: HostEntry, known_hosts: tuple[Path, ...], calls: list[Call]) -> None:
        super().__init__(entry, known_hosts=known_hosts)
        self._calls = calls

    def run(self, command: Command, stdin: str | None = None, within: float = 30) -> Result:
        result = super().run(command, stdin, within)
        self._calls.append(Ran(command.line(), stdin or "", result.code))
        return result

    def fetch(self, endpoint: Endpoint, request: Request, within: float = 30) -> Result:
        assert request.method == "GET"
        assert endpoint.container is None
        result = super().fetch(endpoint, request, within)
        headers = tuple(f"{name}: {value}" for name, value in endpoint.headers().items())
        url = f"{endpoint.scheme}://{endpoint.address}:{endpoint.port}{request.target}"
        self._calls.append(Fetched(url, headers, result.code))
        return result

    def talk(self, command: Command) -> LongTalk:
        self._calls.append(Ran(command.line(), BYE, 0))
        return super().talk(command)


def record(place: Place, runbook: str, name: str) -> list[Call]:
    """Run the runbook on the host of the lab and return its remote calls; it must end well."""
    calls: list[Call] = []
    state = State(place.environ(), place.folder, Options(yes=True, inventory=place.inventory))
    book, inventory = load(state.pages()[runbook]), state.inventory()

    def open_transport(entry: HostEntry) -> Transport:
        return Recorder(entry, inventory.known_hosts, calls)

    said: list[str] = []
    told = lambda event: said.extend(line.text for line in lines(event))
    job = make_job(book, book.params(), (name,), state, told, Plain(1, debug=False))
    (ended,) = run_all(replace(job, tools=replace(job.tools, open_transport=open_transport)), [inventory.host(name)])
    if ended.code != 0 or ended.changed:
        raise SystemExit("\n".join([*said, "this run is no measure: it has to find everything as it should be"]))
    return calls
