"""A stack that is made up: containers, images and the Compose file as values, changed by the commands that a runbook sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from opsbook.host import Result
from opsbook.inventory import Stack
from opsbook.shell import Command
from opsbook.systems import building, files, rendered
from opsbook.watch import debts as debt
from opsbook.web import Endpoint, Request
from tests.fake import STACK, Untaught
from tests.fake_docker import inspected

BEGUN, EARLIER = 1_700_000_000.0, 1_600_000_000.0
EXPORTER = "queue-exporter"
CONTEXT = f"{STACK.directory}/exporters/{EXPORTER}"
SMALL = replace(STACK, services=tuple(one for one in STACK.services if one.name in {"prometheus", "alertmanager", "loki", EXPORTER}))


@dataclass
class FakeStack:
    """The host of one stack, as far as Docker, Compose and the services go; it raises on what nobody foresaw."""

    stack: Stack = SMALL
    asked: list[str] = field(default_factory=list)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    environment: dict[str, dict[str, str]] = field(default_factory=dict)    # as the Compose file says
    images: dict[str, str] = field(default_factory=dict)                    # ids by name
    compose: dict[str, dict[str, Any]] = field(default_factory=dict)        # more of the Compose file, by service
    unset: str = ""
    mode: str = "600"
    absent: str = ""
    unfilled: str = ""
    listening: str = ""
    disk: str = "/ /dev/vda 1000 500 1000 500"
    health: str = "healthy"                     # of what is started
    loops: bool = False                         # what is started crashes again and again
    fails: dict[str, Result] = field(default_factory=dict)      # by a part of the command
    answers: dict[str, Result] = field(default_factory=dict)    # by service and path
    context: str = "1"                          # what a build of the exporter would hold
    builds: int = 0                             # of candidates
    debts: dict[str, str] = field(default_factory=dict)
    now: float = BEGUN

    def __post_init__(self) -> None:
        for one in self.stack.services:
            self.images[f"example/{one.name}:1"] = f"sha256:{one.name}-1"
            self.environment[one.name] = {"MODE": "first"}
            self.containers[one.name] = self.made(one.name, EARLIER)

    def add(self, service: str, **settings: Any) -> dict[str, Any]:
        """Add a service that the inventory does not know, with these settings in the Compose file; return its container."""
        self.images[f"example/{service}:1"] = f"sha256:{service}-1"
        self.environment[service] = {"MODE": "first"}
        self.compose[service] = settings
        self.containers[service] = self.made(service, EARLIER)
        return self.containers[service]

    def made(self, service: str, started: float) -> dict[str, Any]:
        """Return a container with the settings of now."""
        raw = inspected(service, started=started, health=self.health, status="restarting" if self.loops else "running")
        raw["Id"], raw["Image"] = f"{service}-{started}", self.images[f"example/{service}:1"]
        raw["Config"]["Env"] = [f"{key}={value}" for key, value in self.environment[service].items()]
        raw["Config"]["Labels"]["com.docker.compose.config-hash"] = self.digest(service)
        return raw

    def digest(self, service: str) -> str:
        return json.dumps(self.environment[service], separators=(",", ":"))

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        line, words = str(command), [word for word in command.words if isinstance(word, str)]
        self.asked.append(line)
        self.now += 1
        failing = [result for part, result in self.fails.items() if part in line]
        if failing:
            return failing[0]
        if words[0] == "bash" and (known := self._script(words, stdin)) is not None:
            return Result(0, known)
        return self._docker(line, words)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        self.asked.append(str(request))
        raw = self.containers.get(request.service)
        if raw is None or raw["State"]["Status"] != "running":
            raise ConnectionRefusedError("refused")
        if (key := f"{request.service} {request.path}") in self.answers:
            return self.answers[key]
        if request.path in {"/-/ready", "/ready"}:
            return Result(200)
        raise Untaught(str(request))

    def follow(self, command: Command) -> Iterator[str]:
        raise Untaught(str(command))

    def close(self) -> None:
        """Nothing is open."""

    def _script(self, words: list[str], stdin: str | None) -> str | None:
        text, values = words[2], words[4:]
        if text == debt.REGISTER:
            self.debts[values[1]] = stdin or ""
        elif text == debt.DROP:
            del self.debts[values[0]]
        elif text == building.BUILD:
            self.builds += 1
            self.images[json.loads(stdin or "")["services"][EXPORTER]["image"]] = f"sha256:{EXPORTER}-{self.context}"
        elif text == building.DROP:
            self.images.pop(values[0], None)
        known = {
            debt.REGISTER: "", debt.DROP: "", building.BUILD: "", building.DROP: "", rendered.ABSENT: self.absent,
            rendered.UNFILLED: self.unfilled, files.STAT: f"{self.mode} claude-admin claude-admin 9 1 regular file",
        }  # fmt: skip
        return known.get(text)

    def _docker(self, line: str, words: list[str]) -> Result:
        if line.startswith("docker ps --all"):
            return Result(0, json.dumps(list(self.containers.values())) if self.containers else "")
        if "docker logs" in line:
            return Result(0, "it said this\nand then that\n")
        if line.startswith("ss "):
            return Result(0, self.listening)
        if line.startswith("df "):
            return Result(0, f"head\n{self.disk}\n")
        if line.startswith("date "):
            return Result(0, str(self.now))
        if line.startswith("docker ps --filter=publish"):
            return Result(0, "squatter\n")
        if line.startswith("docker info"):
            return Result(0, "/var/lib/docker\n")
        if line.startswith("docker image"):
            return self._image(line, words)
        if words[:4] == ["env", f"--chdir={self.stack.directory}", "docker", "compose"]:
            return self._compose(words[6:])
        raise Untaught(line)

    def _image(self, line: str, words: list[str]) -> Result:
        if words[2] == "tag":
            self.images[words[4]] = self.images.get(words[3], words[3])
            return Result(0)
        if words[2] == "inspect":
            return Result(0, json.dumps([{"Id": words[3]}]))
        if "--filter=reference=" in line:
            name = line.partition("--filter=reference=")[2].split()[0]
            return Result(0, json.dumps([{"Id": self.images[name]}]) if name in self.images else "")
        return Result(0, "\n".join(f"{name} {found}" for name, found in self.images.items()))

    def _compose(self, words: list[str]) -> Result:
        if words[:2] == ["config", "--format=json"]:
            warning = f'level=warning msg="The \\"{self.unset}\\" variable is not set. Defaulting"' if self.unset else ""
            services = {name: self._settings(name) for name in self.environment}
            return Result(0, json.dumps({"name": "monitoring", "services": services}), warning)
        if words[0] == "config":
            return Result(0, "\n".join(f"{name} {self.digest(name)}" for name in self.environment))
        chosen = [word for word in words[1:] if not word.startswith("-")]
        if words[0] == "build":
            self.images[f"example/{EXPORTER}:1"] = f"sha256:{EXPORTER}-{self.context}"
        elif words[0] == "up":
            self._up(chosen or list(self.environment), force="--force-recreate" in words)
        elif words[0] == "restart":
            self.containers[chosen[0]] = self.made(chosen[0], self.now)
        else:
            raise Untaught(" ".join(words))
        return Result(0)

    def _settings(self, name: str) -> dict[str, Any]:
        port = 9000 + list(self.environment).index(name)
        made = {"image": f"example/{name}:1", "environment": self.environment[name], "user": "65534", "entrypoint": [f"/bin/{name}"]}
        ports = {"ports": [{"target": port, "published": str(port), "host_ip": "127.0.0.1", "protocol": "tcp"}]} if self.listening else {}
        return {**made, **ports, **({"build": {"context": CONTEXT}} if name == EXPORTER else {}), **self.compose.get(name, {})}

    def _up(self, services: list[str], *, force: bool) -> None:
        for name in services:
            raw = self.containers.get(name)
            same = raw is not None and raw["Config"]["Labels"]["com.docker.compose.config-hash"] == self.digest(name)
            same = same and raw is not None and raw["Image"] == self.images[f"example/{name}:1"]
            if force or not same or (raw is not None and raw["State"]["Status"] == "exited"):
                self.containers[name] = self.made(name, self.now)
