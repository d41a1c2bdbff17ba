"""A stack whose services ask for passwords by their web.yml: files, scripts and openssl are real, its containers are made up."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import bcrypt

from opsbook.check import Seen, look_once
from opsbook.events import Event
from opsbook.host import Host, Result, Run
from opsbook.inventory import Service, Site, Stack
from opsbook.shell import Command, Secret
from opsbook.systems import docker, ownership
from opsbook.systems.bcrypt_hash import fits
from opsbook.systems.prometheus import RELOADED, RELOADED_AT
from opsbook.systems.web_config import parse_web_config
from opsbook.web import Endpoint, Request
from tests.fake import ENTRY, FakeGuard, Untaught, a_run, fake_host
from tests.fake_docker import inspected
from tests.here import Here
from tests.runbooks.checkout_site import book
from tests.test_host_secrets import FakeHands

OLD, OTHER, NEW = "p-old-of-prometheus", "p-old-of-alertmanager", "brand-new-and-long"
ENV = f"# logins\nPROM_USERNAME=admin\nPROM_PASSWORD={OLD}\nALERTMANAGER_PASSWORD='{OTHER}'   # of the mails\n"
PROMETHEUS_YML = f"""\
alerting:
  alertmanagers:
    - basic_auth: {{username: admin, password: '{OTHER}'}}
scrape_configs:
  - job_name: prometheus
    basic_auth:
      username: admin
      password: "{OLD}"   # as in .env
"""
ALLOY = f'basic_auth {{\n  username = "admin"\n  password = "{OLD}"\n}}\n'
PLACES = {
    "prometheus": ("config/web.yml", "/etc/config/web.yml", 9090),
    "alertmanager": ("alertmanager/web.yml", "/etc/alertmanager/web.yml", 9093),
}
KEYS = {"prometheus": "PROM_PASSWORD", "alertmanager": "ALERTMANAGER_PASSWORD"}


@cache
def hash_of(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()


@cache
def opens(password: str, hashed: str) -> bool:
    return fits(Secret(password), hashed)


@dataclass
class FakeWeb(Here):
    """The host of that stack. Prometheus has its web.yml mounted alone, Alertmanager the folder."""

    root: Path = Path()
    began: dict[str, float] = field(default_factory=dict)
    sees: dict[str, str] = field(default_factory=dict)      # what Prometheus sees of files that are mounted alone
    loaded: str = ""                                        # the prometheus.yml that it runs
    reloaded: float = 0.0
    ordered: list[str] = field(default_factory=list)
    verdict: Result = field(default_factory=lambda: Result(0, "SUCCESS"))
    judges: tuple[str, ...] = ("prometheus",)               # images with a promtool
    foreign: bool = False                                   # the files are another user's
    by_env: tuple[str, ...] = ()                            # services with the password in their environment
    wide_open: bool = False                                 # asks nobody for a password
    deaf: bool = False                                      # a signal does nothing

    def __post_init__(self) -> None:
        home = self.root / "home"
        self.env = {"HOME": str(home), "PATH": os.environ["PATH"]}
        files = {".env": ENV, "prometheus/prometheus.yml": PROMETHEUS_YML, "config/monitoring.alloy": ALLOY, "README": "nothing\n"}
        for service, password in (("prometheus", OLD), ("alertmanager", OTHER)):
            tls = f"tls_server_config: {{cert_file: /etc/certs/{service}.crt, key_file: /etc/certs/{service}.key}}\n"
            files[PLACES[service][0]] = f"{tls}\nbasic_auth_users:\n  guest: {hash_of('guest')}\n  admin: '{hash_of(password)}'  # me\n"
        for name, text in files.items():
            path = self.stack_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        home.mkdir()
        (self.stack_folder / ".env").chmod(0o600)
        for service in PLACES:
            self.start(service)

    @property
    def stack_folder(self) -> Path:
        return self.root / "lcx"

    @property
    def stack(self) -> Stack:
        services = tuple(
            Service(name, port, "/-/healthy", "/-/ready", "https", username="admin", password_key=KEYS[name])
            for name, (_, _, port) in PLACES.items()
        )
        folder = str(self.stack_folder)
        return Stack("lcx", folder, folder, "lcx", scrape=1, settle=5, stable=1, services=services)

    def start(self, service: str) -> None:
        self.began[service] = time.time()
        if service == "prometheus":
            self.sees = {"web.yml": self.text("config/web.yml")}
            self.load()

    def load(self) -> None:
        self.loaded, self.reloaded = self.text("prometheus/prometheus.yml"), time.time()

    def text(self, name: str) -> str:
        return (self.stack_folder / name).read_text()

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        line, words = str(command), [word for word in command.words if isinstance(word, str)]
        if self.foreign and words[:1] == ["bash"] and words[2] == ownership.KEEPS:
            return Result(1)
        if words[0] != "docker" and "docker ps" not in line and "compose" not in words:
            return super().run(command, stdin, within)
        self.asked.append(line)
        if "docker ps" in line:
            return Result(0, json.dumps([self.inspected(name) for name in PLACES]))
        if "compose" in words:
            return self.compose(words[words.index("compose") + 3 :])
        if words[1] == "run":
            return self.throwaway(words)
        return self.engine(words)

    def engine(self, words: list[str]) -> Result:
        if words[1] == "kill":
            self.ordered.append("signal")
            if not self.deaf:
                self.load()
            return Result(0)
        if words[:3] == ["docker", "image", "ls"]:
            return Result(0, "\n".join(f"example/{name}:1 sha256:{name}" for name in PLACES))
        if words[:3] == ["docker", "image", "inspect"]:
            return Result(0, json.dumps([{"Id": words[3]}]))
        raise Untaught(" ".join(words))

    def compose(self, words: list[str]) -> Result:
        if words[:2] == ["config", "--hash=*"]:
            return Result(0, "\n".join(f"{name} {self.digest(name)}" for name in PLACES))
        if words[:2] == ["config", "--format=json"]:
            value = {name: {"PASSWORD": OLD} if name in self.by_env else {} for name in PLACES}
            services = {name: {"image": f"example/{name}:1", "environment": value[name]} for name in PLACES}
            return Result(0, json.dumps({"name": "lcx", "services": services}))
        if words[0] in {"restart", "up", "start"}:
            service = words[-1]
            self.ordered.append(f"{words[0]} {service}")
            self.start(service)
            return Result(0)
        raise Untaught(" ".join(words))

    def throwaway(self, words: list[str]) -> Result:
        program = next(word.partition("=")[2] for word in words if word.startswith("--entrypoint="))
        image = next(word for word in words if word.startswith("sha256:")).removeprefix("sha256:").split("-")[0]
        if program == "promtool":
            self.ordered.append(f"judge by {image}")
            return self.verdict if image in self.judges else Result(127, "", "not found")
        if program == "chown" and words[-1] != "--help":
            self.ordered.append(f"give {words[-1]} to {words[-2]}")
        return Result(0)

    def digest(self, service: str) -> str:
        return hashlib.sha256(self.text(".env").encode()).hexdigest() if service in self.by_env else "same"

    def inspected(self, service: str) -> dict[str, Any]:
        folder, (file, inside, port) = self.stack_folder, PLACES[service]
        mounts = {f"{folder}/certs": "/etc/certs"}
        if service == "prometheus":
            mounts |= {f"{folder}/{file}": inside, f"{folder}/prometheus": "/etc/prometheus"}
        else:
            mounts |= {f"{folder}/alertmanager": "/etc/alertmanager"}
        raw = inspected(service, started=self.began[service], mounts=mounts, directory=str(folder))
        raw["Name"], raw["Image"] = f"/lcx-{service}-1", f"sha256:{service}"
        raw["Config"] |= {"Cmd": [f"--web.config.file={inside}"], "User": f"{os.getuid()}:{os.getgid()}"}
        raw["Config"]["Labels"] |= {"com.docker.compose.project": "lcx", "com.docker.compose.config-hash": self.began_with(service)}
        raw["NetworkSettings"] = {"Networks": {}, "Ports": {f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}}
        return raw

    def began_with(self, service: str) -> str:
        """Return what Compose made the container from: a restart keeps it, `up` does not."""
        made = [one for one in self.ordered if one == f"up {service}"]
        return self.digest(service) if made or service not in self.by_env else hashlib.sha256(ENV.encode()).hexdigest()

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        self.asked.append(str(request))
        if not self.wide_open and not self.lets_in(request.service, endpoint.username, endpoint.password):
            return Result(401, "Unauthorized")
        if request.path == "/-/ready":
            return Result(200)
        if request.path == "/metrics":
            told = {RELOADED: 1.0, RELOADED_AT: self.reloaded}
            return Result(200, "".join(f"{name} {value!r}\n" for name, value in told.items()))
        if request.path == "/api/v1/targets":
            return Result(200, json.dumps({"data": {"activeTargets": [self.target("prometheus")]}}))
        raise Untaught(str(request))

    def lets_in(self, service: str, user: str | None, password: Secret | None) -> bool:
        file, inside, _ = PLACES[service]
        text = self.sees["web.yml"] if service == "prometheus" else self.text(file)
        hashed = parse_web_config(text, inside).users.get(user or "", "")
        return password is not None and opens(password.value, hashed)

    def target(self, service: str) -> dict[str, Any]:
        """Return how the running prometheus.yml gets in: by the password of its scrape job."""
        used = self.loaded.rpartition("password:")[2].split("#")[0].strip().strip("'\"")
        good = self.lets_in(service, "admin", Secret(used))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        labels = {"job": service, "instance": f"{service}:9090"}
        return {
            "labels": labels, "scrapePool": service, "health": "up" if good else "down", "lastScrape": stamp,
            "lastError": "" if good else "server returned HTTP status 401 Unauthorized", "scrapeUrl": f"https://{service}:9090/metrics",
        }  # fmt: skip


@dataclass
class WebSite:
    """A runbook on such a stack."""

    here: FakeWeb
    name: str
    params: dict[str, Any] = field(default_factory=dict)
    run: Run = field(default_factory=lambda: a_run(started=time.time()))
    guard: FakeGuard = field(default_factory=FakeGuard)
    events: list[Event] = field(default_factory=list)
    hands: FakeHands = field(default_factory=lambda: FakeHands(NEW))
    sites: tuple[Site, ...] = ()

    @property
    def host(self) -> Host:
        entry = replace(ENTRY, name="lcx", stack=replace(self.here.stack, sites=self.sites), peer_address="10.9.8.7")
        made = fake_host(self.here, entry=entry, run=self.run, guard=self.guard, events=self.events, locate=docker.locate)
        return replace(made, hands=self.hands)

    @property
    def given(self) -> Any:
        return book(self.name).params(**self.params)

    def steps(self, *names: str) -> WebSite:
        """Run the steps, or those of these names."""
        host = self.host
        for step in book(self.name).steps:
            if not names or step.__name__ in names:
                step(host, self.given)
        return self

    def undo(self) -> WebSite:
        host = self.host
        for step in book(self.name).undo:
            step(host, self.given)
        return self

    def false(self, *, undone: bool = False) -> dict[str, Seen]:
        """Return the sentences that are not true, by name."""
        host, found = self.host, book(self.name)
        seen = {check.__name__: look_once(host, check, self.given) for check in (found.undone if undone else found.proof)}
        return {name: one for name, one in seen.items() if not one.ok}

    @property
    def changes(self) -> list[str]:
        return [change.title for change in self.guard.writes]

    @property
    def said(self) -> str:
        return "\n".join(event.title for event in self.events)
