"""A Docker host that is made up, as far as cAdvisor goes, with a scraper and a stranger who look at it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from opsbook.host import Host, Result, Run
from opsbook.inventory import Cadvisor, HostEntry
from opsbook.privileged import LOOK
from opsbook.shell import Command
from opsbook.systems import cadvisor
from opsbook.web import Endpoint, Request
from tests.dialled import ANSWERS, REFUSED, SILENT, dialled, is_dialling
from tests.fake import STACK, FakeClock, FakeGuard, Untaught, a_run, fake_host
from tests.fake_firewall import ON, told_by_look

IMAGE, NEWER = "ghcr.io/google/cadvisor:v0.60.5", "ghcr.io/google/cadvisor:v0.61.0"
ADDRESS = "192.0.2.20"
SERVER = HostEntry("serverB", address="203.0.113.2", peer_address=ADDRESS, roles=("node", "docker"))
SCRAPER = HostEntry("serverF", address="203.0.113.6", roles=("scraper",), stack=STACK)
STRANGER = HostEntry("stranger", address="203.0.113.9", roles=("stranger",))
SSH = 22
BEGUN = 1_700_000_000.0


def container(name: str, image: str = IMAGE, *, status: str = "running", **more: Any) -> dict[str, Any]:
    """Return a container as Docker tells it."""
    stamp = datetime.fromtimestamp(BEGUN - 1000, UTC).isoformat()
    return {
        "Id": f"{name}-id", "Name": f"/{name}", "Created": stamp, "Image": f"sha256:{image}",
        "State": {"Status": status, "StartedAt": stamp, "ExitCode": 0},
        "Config": {"Image": image, "Cmd": list(more.get("command", ())), "Labels": dict(more.get("labels", {}))},
        "HostConfig": {"NetworkMode": "host" if more.get("host_network") else "bridge"},
        "NetworkSettings": {"Networks": {}, "Ports": more.get("ports", {})}, "Mounts": [],
    }  # fmt: skip


@dataclass
class DockerHost:
    """Containers by name, changed by the commands that the runbook sends; it raises on what nobody foresaw."""

    asked: list[str] = field(default_factory=list)
    containers: dict[str, dict[str, Any]] = field(default_factory=lambda: {"web": container("web")})
    images: set[str] = field(default_factory=lambda: {IMAGE})
    version: str = "28.5.1"
    driver: str = "overlay2"
    listening: str = ""
    told: str = ""                  # of what listens, by root
    publishers: str = "proxy\n"
    starts: bool = True             # a new container can be started
    loops: bool = False             # and starts again and again
    healthy: int = 200
    blind: bool = False             # it finds no container
    target: bool = True
    scrapes: bool = True
    of_another: bool = False        # what the scraper reads there is not this host's
    from_scraper: Result = field(default_factory=lambda: REFUSED)
    from_stranger: Result = field(default_factory=lambda: SILENT)
    look: str | Result = ON         # what root's part tells of the firewall
    sshd: Result = field(default_factory=lambda: ANSWERS)       # as the stranger hears it
    made: int = 0
    now: float = BEGUN

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        line, words = str(command), [word for word in command.words if isinstance(word, str)]
        self.asked.append(line)
        self.now += 1
        if command == LOOK.run and stdin == "listening\n":
            return Result(0, f"0 {base64.b64encode(self.told.encode()).decode()}\n")
        if command == LOOK.run:
            return self.look if isinstance(self.look, Result) else told_by_look(self.look)
        if words[0] == "bash" and words[2] in {cadvisor.SWAP, cadvisor.BACK}:
            return self._script(words[2], words[4:])
        if words[0] == "bash" and "SSH_CONNECTION" in words[2]:
            return Result(0, f"192.0.2.1 50000 {ADDRESS} {SSH}")
        if line.startswith("date "):
            return Result(0, str(self.now))
        if line.startswith("ip "):
            return Result(0, "[]")
        if line.startswith("ps "):
            return Result(0, "nginx.service\n")
        if line.startswith("systemctl list-sockets "):
            return Result(0)
        if line.startswith("ss "):
            return Result(0, self.listening)
        return self._docker(line, words)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        found = self.containers.get("cadvisor")
        if found is None or found["State"]["Status"] != "running":
            raise ConnectionRefusedError("refused")
        if request.path == "/healthz":
            return Result(self.healthy, "ok")
        return Result(200, "\n".join(f'{cadvisor.LAST_SEEN}{{id="/docker/{raw["Id"]}",name="{name}"}} 1' for name, raw in self._seen()))

    def follow(self, command: Command) -> Iterator[str]:
        raise Untaught(str(command))

    def close(self) -> None:
        """Nothing is open."""

    def status(self, name: str) -> str:
        return str(self.containers[name]["State"]["Status"]) if name in self.containers else "gone"

    def _seen(self) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self.blind:
            yield from ((name, raw) for name, raw in self.containers.items() if raw["State"]["Status"] == "running")

    def _docker(self, line: str, words: list[str]) -> Result:
        if line.startswith("docker ps --all"):
            if self.loops:
                self._start("cadvisor")
            found = [raw for name, raw in self.containers.items() if "cadvisor" in name]
            return Result(0, json.dumps(found) if found else "")
        if line.startswith("docker ps --filter=status"):
            return Result(0, "\n".join(name for name, raw in self.containers.items() if raw["State"]["Status"] == "running"))
        if line.startswith("docker ps --filter=publish"):
            return Result(0, self.publishers)
        if line.startswith("docker info"):
            about = {"ServerVersion": self.version, "Driver": self.driver, "DockerRootDir": "/var/lib/docker"}
            return Result(0, json.dumps(about))
        if line.startswith("docker image ls"):
            name = line.partition("--filter=reference=")[2].split()[0]
            return Result(0, json.dumps([{"Id": f"sha256:{name}"}]) if name in self.images else "")
        return self._change(line, words)

    def _change(self, line: str, words: list[str]) -> Result:
        if words[1] == "pull":
            self.images.add(words[-1])
        elif words[1] == "create":
            self._create(words)
        elif words[1] == "start":
            self._start(self._by_id(words[2]))
        elif words[1:3] == ["container", "rm"]:
            del self.containers[self._by_id(words[4])]
        else:
            raise Untaught(line)
        return Result(0)

    def _create(self, words: list[str]) -> None:
        labels = dict(word.removeprefix("--label=").split("=", 1) for word in words if word.startswith("--label="))
        at = next(number for number, word in enumerate(words) if word in self.images)
        self.made += 1
        raw = container(cadvisor.NEXT, words[at], status="created", labels=labels, command=words[at + 1 :], host_network=True)
        raw["Id"] = f"made-{self.made}"
        self.containers[cadvisor.NEXT] = raw

    def _script(self, text: str, values: list[str]) -> Result:
        if text == cadvisor.BACK:
            before, ran, name, *made = values
            for one in made:
                del self.containers[self._by_id(one)]
            if before:
                self._rename(self._by_id(before), name)
                self.containers[name]["State"]["Status"] = "running" if ran == "yes" else "exited"
            return Result(0)
        if not self.starts:     # what the script does then is tested on a real engine
            return Result(1, "", "Error response from daemon: no such device")
        old, name, following, before = values
        if old:
            self.containers[name]["State"]["Status"] = "exited"
            self._rename(name, before)
        self._rename(following, name)
        self._start(name)
        return Result(0)

    def _rename(self, old: str, new: str) -> None:
        raw = self.containers.pop(old)
        raw["Name"] = f"/{new}"
        self.containers[new] = raw

    def _start(self, name: str) -> None:
        self.containers[name]["State"] |= {"Status": "running", "StartedAt": datetime.fromtimestamp(self.now, UTC).isoformat()}

    def _by_id(self, wanted: str) -> str:
        return next(name for name, raw in self.containers.items() if raw["Id"] == wanted)


@dataclass
class Elsewhere:
    """What the scraper and the stranger answer."""

    here: DockerHost
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
        instance = f"{ADDRESS}:8080"
        labels = {"job": "cadvisor", "instance": instance}
        found = here.containers.get("cadvisor")
        up = here.scrapes and found is not None and found["State"]["Status"] == "running"
        if request.path == "/api/v1/status/config":
            text = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nscrape_configs: [{job_name: cadvisor, scrape_interval: 2s}]"
            return Result(200, json.dumps({"data": {"yaml": text}}))
        if request.path == "/api/v1/targets":
            raw = {"labels": labels, "scrapePool": "cadvisor", "health": "up" if up else "down", "lastError": "" if up else "refused"}
            raw |= {"lastScrape": datetime.fromtimestamp(here.now, UTC).isoformat(), "scrapeUrl": f"http://{instance}/metrics"}
            return Result(200, json.dumps({"data": {"activeTargets": [raw] if here.target else []}}))
        samples = [{"metric": labels, "value": [here.now, str(here.now)]}] if up else []
        if query.startswith(cadvisor.LAST_SEEN) and found is not None and up:
            mine = "other" if here.of_another else found["Id"]
            samples = [{"metric": {**labels, "name": "cadvisor", "id": f"/docker/{mine}"}, "value": [here.now, "1"]}]
        return Result(200, json.dumps({"data": {"resultType": "vector", "result": samples}}))

    def follow(self, command: Command) -> Iterator[str]:
        raise Untaught(str(command))

    def close(self) -> None:
        """Nothing is open."""


def server(here: DockerHost, guard: FakeGuard, run: Run | None = None, spec: Cadvisor | None = None) -> Host:
    """Return that host with its peers; nobody waits."""
    made = fake_host(here, entry=replace(SERVER, cadvisor=spec or Cadvisor()), run=run or a_run(), guard=guard)
    entries = {"scraper": SCRAPER, "stranger": STRANGER}
    peers = {role: fake_host(Elsewhere(here, role), entry=entry) for role, entry in entries.items()}
    clock = FakeClock()
    return replace(made, connect_peer=peers.__getitem__, clock=clock, pause=clock.pause)
