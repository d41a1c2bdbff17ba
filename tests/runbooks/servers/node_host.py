"""A host that is made up, as far as node_exporter goes, with a scraper and a stranger who look at it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from opsbook.errors import ConnectionLost, Refused
from opsbook.host import Fetched, Host, Result, Run, Upload
from opsbook.inventory import HostEntry, NodeExporter
from opsbook.privileged import LOOK, NODE_EXPORTER
from opsbook.shell import Command
from opsbook.systems import node_exporter
from opsbook.systems import release as releases
from opsbook.web import Endpoint, Request
from tests.dialled import ANSWERS, REFUSED, SILENT, dialled, is_dialling
from tests.fake import STACK, FakeClock, FakeGuard, Untaught, a_run, fake_host
from tests.fake_firewall import ON, told_by_look

ADDRESS = "192.0.2.12"
ENTRY = HostEntry(
    "serverA", address="203.0.113.1", peer_address=ADDRESS, roles=("node",), node_exporter=NodeExporter("1.9.0", source="https://mirror")
)
SCRAPER = HostEntry("serverF", address="203.0.113.6", roles=("scraper",), stack=STACK)
STRANGER = HostEntry("stranger", address="203.0.113.9", roles=("stranger",))
SSH = 22
BEGUN = 1_700_000_000.0
MEANT, OF_OTHERS = "unit-of-ours", "unit-of-others"


def sum_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@dataclass(frozen=True)
class Installed:
    """What the program finds; nothing at first."""

    version: str = ""
    unit: str = ""
    enabled: str = ""
    active: str = ""
    start: int = 0
    release: str = ""
    file: str = ""          # whose process runs

    @property
    def program(self) -> str:
        return f"program-{self.version}" if self.release else ""


BY_HAND = Installed("1.5.0", OF_OTHERS, "enabled", "active", 1, file="/usr/local/bin/node_exporter")


@dataclass
class NodeHost:
    """Changed by what the runbook sends; it raises on what nobody foresaw."""

    asked: list[str] = field(default_factory=list)
    now_is: Installed = Installed()
    kept: tuple[str, Installed] | None = None       # the run, and what was there before it
    restarted: bool = False
    staged: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    path: str = ""                  # of a unit that systemd has from elsewhere
    packaged: bool = False          # Debian's exporter runs
    lost: bool = False              # the answer of the next undo is lost
    machine: str = "x86_64"
    acts: str = NODE_EXPORTER.sha256
    sudo: Result = field(default_factory=lambda: Result(0))
    fetching: Result | None = None
    judgement: Result = field(default_factory=lambda: Result(0))
    installing: Result = field(default_factory=lambda: Result(0))
    listening: str = ""
    told: str = ""                  # of what listens, by root
    unit: str = "init.scope"        # of the process that listens
    sockets: str = ""               # on which systemd listens
    mute: bool = False              # nothing answers on the port
    restarts: int = 0
    deleted: bool = False           # what runs is no longer the file that lies there
    target: bool = True
    scrapes: bool = True
    reads: str = ""                 # another version than the real one
    nodename: str = "serverA"
    from_scraper: Result = field(default_factory=lambda: REFUSED)
    from_stranger: Result = field(default_factory=lambda: SILENT)
    look: str | Result = ON         # what root's part tells of the firewall
    sshd: Result = field(default_factory=lambda: ANSWERS)       # as the stranger hears it
    starts: int = 1
    now: float = BEGUN

    @property
    def says(self) -> str:
        return self.now_is.version if self.now_is.active == "active" and not self.mute else ""

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        self.asked.append(str(command))
        self.now += 1
        if command == LOOK.run:
            return self._look(stdin or "")
        if command == NODE_EXPORTER.run:
            return self._program(stdin or "")
        if words[0] == "bash" and "SSH_CONNECTION" in words[2]:
            return Result(0, f"192.0.2.1 50000 {ADDRESS} {SSH}")
        if words[0] == "bash":
            return self._script(words[2], words[4:])
        if words[0] == "xargs":
            return Result(0, f"{self.acts}  {NODE_EXPORTER.path}\0")
        answers = {"uname -m": self.machine, "uname -n": "serverA", "date +%s.%N": str(self.now)}
        answers["ps --format unit= --pid 4711"] = answers["ps --format unit= --pid 1"] = f"{self.unit}\n"
        if words[0] == "ip":
            return Result(0, "[]")
        answers["systemctl list-sockets --no-legend --plain --full --show-types"] = self.sockets
        if words[:2] == ["systemctl", "is-active"]:
            assert words[-1] == node_exporter.PACKAGED
            return Result(0 if self.packaged else 3)
        if words[0] == "ss":
            return Result(0, self.listening)
        if str(command) not in answers:
            raise Untaught(str(command))
        return Result(0, answers[str(command)])

    def _look(self, wanted: str) -> Result:
        if wanted == "listening\n":
            return Result(0, f"0 {base64.b64encode(self.told.encode()).decode()}\n")
        return self.look if isinstance(self.look, Result) else told_by_look(self.look)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        assert (endpoint.port, request.path) == (9100, "/metrics")
        if not self.says:
            raise ConnectionRefusedError("refused")
        return Result(200, f'node_exporter_build_info{{goversion="go1.21",version="{self.says}"}} 1\n')

    def send(self, upload: Upload, within: float) -> Result:
        self.asked.append(str(upload))
        self.sent[upload.target] = sum_of(upload.source.name)
        return Result(0)

    def follow(self, command: Command) -> Iterator[str]:
        raise Untaught(str(command))

    def close(self) -> None:
        """Nothing is open."""

    def _program(self, request: str) -> Result:
        verb, _, rest = request.strip().partition(" ")
        if self.sudo.code:
            return self.sudo
        if verb == "back":
            return self._back(rest)
        return Result(0, self._status() if verb == "status" else "it logged this\n")

    def _status(self) -> str:
        now = self.now_is
        lines = {
            "program": now.program, "unit": now.unit, "path": self.path or (now.unit and node_exporter.UNIT), "meant": MEANT,
            "enabled": now.enabled, "active": now.active,
            "runs": "it" if now.release and now.active == "active" and not self.deleted else "other", "exe": now.file,
            "invocation": str(now.start), "restarts": str(self.restarts), "release": now.release,
            "before": self.kept[0] if self.kept else "", "restarted": "yes" if self.restarted else "no",
        }  # fmt: skip
        return "".join(f"{name} {value or 'none'}\n" for name, value in lines.items())

    def _back(self, run: str) -> Result:
        if self.kept is None or self.kept[0] != run:
            return Result(65, "", "nothing is kept")
        before = self.kept[1]
        self.starts += 1
        self.now_is, self.kept = replace(before, start=self.starts), None
        if self.lost:
            self.lost = False
            raise ConnectionLost("broken")
        return Result(0)

    def _script(self, text: str, values: list[str]) -> Result:
        if text == releases.FETCH:
            return self.fetching or self._stage(values[1], sum_of(values[1]))
        if text == releases.FOLDER:
            return Result(0, "/home/claude-admin/staged\n")
        if text == releases.SUM:
            return Result(0, f"{self.staged[values[0]]}  -\n" if values[0] in self.staged else "")
        if text == releases.ACCEPT:
            sent = self.sent.pop(f"/home/claude-admin/staged/.sent.{values[0]}", "")
            return self._stage(values[0], sent) if sent == values[1] else Result(1)
        if text == node_exporter.WITH_TARBALL:
            return self._with_tarball(values[0].split(), values[1])
        raise Untaught(text)

    def _stage(self, name: str, sha256: str) -> Result:
        self.staged[name] = sha256
        return Result(0, sha256 + "\n")

    def _with_tarball(self, request: list[str], name: str) -> Result:
        verb, version, architecture, sha256, *rest = request
        assert self.staged[name] == sha256
        if verb == "judge":
            return self.judgement
        if self.installing.code:
            return self.installing
        if self.kept is None or self.kept[0] != rest[1]:
            self.kept = (rest[1], self.now_is)
        self.starts += 1
        self.restarted = True
        release = f"{version} {architecture} program-{version}"
        self.now_is = Installed(version, MEANT, "enabled", "active", self.starts, release, "/usr/local/lib/opsbook/node_exporter")
        return Result(0)


@dataclass
class Elsewhere:
    """What the scraper and the stranger answer."""

    here: NodeHost
    role: str

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        if is_dialling(command):
            return dialled(command, self._behaves)
        if str(command).startswith("date "):
            return Result(0, str(self.here.now))
        raise Untaught(str(command))

    def _behaves(self, address: str, port: int) -> Result:
        if self.role == "scraper":
            return self.here.from_scraper
        return self.here.sshd if port == SSH else self.here.from_stranger

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        here, query = self.here, dict(request.query).get("query", "")
        labels = {"job": "node", "instance": f"{ADDRESS}:9100"}
        up = bool(here.scrapes and here.says)
        if request.path == "/api/v1/status/config":
            text = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nscrape_configs: [{job_name: node, scrape_interval: 2s}]"
            return Result(200, json.dumps({"data": {"yaml": text}}))
        if request.path == "/api/v1/targets":
            raw = {"labels": labels, "scrapePool": "node", "health": "up" if up else "down", "lastError": "" if up else "refused"}
            raw |= {"lastScrape": datetime.fromtimestamp(here.now, UTC).isoformat(), "scrapeUrl": f"http://{ADDRESS}:9100/metrics"}
            return Result(200, json.dumps({"data": {"activeTargets": [raw] if here.target else []}}))
        told = {"version": here.reads or here.says, "nodename": here.nodename}
        samples = [{"metric": {**labels, **told}, "value": [here.now, str(here.now)]}] if up else []
        assert query
        return Result(200, json.dumps({"data": {"resultType": "vector", "result": samples}}))

    def follow(self, command: Command) -> Iterator[str]:
        raise Untaught(str(command))

    def close(self) -> None:
        """Nothing is open."""


def server(here: NodeHost, guard: FakeGuard, run: Run | None = None) -> Host:
    """Return that host with its peers and an operator's machine that can fetch; nobody waits."""
    made = fake_host(here, entry=ENTRY, run=run or a_run(), guard=guard)
    entries = {"scraper": SCRAPER, "stranger": STRANGER}
    peers = {role: fake_host(Elsewhere(here, role), entry=entry) for role, entry in entries.items()}
    clock = FakeClock()
    return replace(made, connect_peer=peers.__getitem__, fetch_here=fetch_here, clock=clock, pause=clock.pause)


def fetch_here(folder: str, name: str) -> Fetched:
    """Have every version but one."""
    if folder.endswith("/v9.9.9"):
        raise Refused("there is none")
    return Fetched(Path("/nowhere") / name, sum_of(name), "it comes from the cache" if folder.endswith("/v1.8.8") else "")
