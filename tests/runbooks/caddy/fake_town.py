"""A stack that is made up, with a Caddy, a Grafana and the files that their password is in, changed by what a runbook sends."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from opsbook.host import Result
from opsbook.inventory import Service, Site, Stack
from opsbook.moves.password.front import CANDIDATE
from opsbook.shell import Command, Secret
from opsbook.systems import files, password_text, scratch
from opsbook.systems.bcrypt_hash import fits, hashed, is_hash
from opsbook.systems.caddyfile import Token, logins, resolved
from opsbook.systems.dotenv import parse_env
from opsbook.systems.front_door import TOLD
from opsbook.systems.together import ASK
from opsbook.web import Endpoint, Request
from tests.fake import STACK
from tests.runbooks.fake_stack import FakeStack

OLD = "the-old-password"
SITES = tuple(
    Site(f"{name}.example", name, username="admin", password_key="GRAFANA_ADMIN_PASSWORD", path="/-/healthy")
    for name in ("prometheus", "alertmanager")
)
GRAFANA = Service("grafana", 3000, healthy="/api/health", username="admin", password_key="GRAFANA_ADMIN_PASSWORD")
NAMES = {"prometheus", "alertmanager", "caddy"}
TOWN = replace(STACK, services=(*(one for one in STACK.services if one.name in NAMES), GRAFANA), sites=SITES)
ENV, CADDYFILE = f"{STACK.directory}/.env", f"{STACK.directory}/Caddyfile"
OLD_HASH = hashed(Secret(OLD), 10).value
BLOCK = "(protected) {{\n\tbasicauth {{\n\t\tadmin {hash}\n\t}}\n}}\n"
HOSTS = "".join(f"{site.name} {{\n\timport protected\n\treverse_proxy {site.service}\n}}\n" for site in SITES)
VARIABLE = BLOCK.format(hash="{$CADDY_ADMIN_HASH}") + HOSTS
LITERAL = BLOCK.format(hash=OLD_HASH) + HOSTS
TEXT = f"# ours\nBUCKET=b\nGRAFANA_ADMIN_PASSWORD={OLD}\nCADDY_ADMIN_HASH='{OLD_HASH}'\nSMTP_PASSWORD='another-one'"
DELIVERED = re.compile(r'^(url|user) = "(.*)"$', re.MULTILINE)


@cache
def opens(password: str, hash_: str) -> bool:
    """Return whether Caddy lets it in; it, too, remembers what bcrypt has said."""
    return is_hash(hash_) and fits(Secret(password), hash_)


def _at_adapting(word: Token, environment: Mapping[str, str]) -> str:
    """Return what Caddy's JSON has for it: `{env.NAME}` stays there until Caddy starts."""
    return word.text if word.text.startswith("{env.") else resolved(word, environment)


@dataclass
class FakeTown(FakeStack):
    """It raises on what nobody foresaw, as the stack does."""

    stack: Stack = TOWN
    files: dict[str, str] = field(default_factory=lambda: {ENV: TEXT, CADDYFILE: VARIABLE})
    grafana: str = OLD                  # its password
    grafana_is: str = "there"           # or: gone at the change, gone, refusing the API, locked
    wrong: int = 0                      # logins that Grafana has refused
    alone: bool = True                  # the Caddyfile is mounted by itself
    in_git: bool = False
    clients: tuple[str, ...] = (".env",)
    serves: str = ""                    # the Caddyfile that Caddy runs
    broken: dict[str, int] = field(default_factory=dict)        # by site: what it answers whoever asks
    algorithm: str = "bcrypt"           # by which Caddy compares
    judged: str = ""                    # what Caddy's image says against a configuration
    starts: list[str] = field(default_factory=list)             # what came back by itself or by us

    def __post_init__(self) -> None:
        source, target = self.mounted()
        own = {"type": "bind", "source": source, "target": target, "read_only": True}
        self.compose["caddy"] = {"volumes": [own, {"type": "volume", "source": "caddy_data", "target": "/data"}]}
        self.settle_environment()
        super().__post_init__()
        self.settle_environment()
        for name in self.containers.keys() & {"caddy", "grafana"}:
            self.containers[name] = self.made(name, 1_600_000_000.0)
        self.serves = self.files[CADDYFILE]

    def settle_environment(self) -> None:
        """Let the Compose file take its variables from `.env`, as Compose does."""
        known = parse_env(self.files[ENV])
        by_variable = {"CADDY_ADMIN_HASH": known.get("CADDY_ADMIN_HASH", "")}
        self.environment["caddy"] = by_variable if "CADDY_ADMIN_HASH" in self.files[CADDYFILE] else {"MODE": "x"}
        if any(one.name == "grafana" for one in self.stack.services):
            self.environment["grafana"] = {"GF_SECURITY_ADMIN_PASSWORD": known.get("GRAFANA_ADMIN_PASSWORD", "")}

    def mounted(self) -> tuple[str, str]:
        """Return what Caddy sees of the host, and where."""
        return (CADDYFILE, "/etc/caddy/Caddyfile") if self.alone else (STACK.directory, "/etc/caddy")

    def made(self, service: str, started: float) -> dict[str, Any]:
        raw = super().made(service, started)
        if service == "caddy":
            source, target = self.mounted()
            raw["Mounts"] = [
                {"Type": "bind", "Source": source, "Destination": target, "RW": False},
                {"Type": "volume", "Name": "caddy_data", "Source": "/v", "Destination": "/data", "RW": True},
            ]
            self.serves = self.files[CADDYFILE]
        self.starts.append(service)
        return raw

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        known = {files.READ: self._read, files.PLACE: self._place, ASK: self._ask, CANDIDATE: self._candidate}
        if words[0] == "bash" and words[2] in known:
            self.asked.append(f"{words[2][:5]} {' '.join(words[4:])}")
            return known[words[2]](words[4:], stdin or "")
        simple = {
            scratch.SCRATCH: "/tmp/opsbook.12345678",
            scratch.DROP: "",
            password_text.HOLDING: "".join(f"{one}\0" for one in self.clients),
            password_text.TRACKED: f"{CADDYFILE}\0" if self.in_git else "",
        }
        if words[0] == "bash" and words[2] in simple:
            return Result(0, simple[words[2]])
        if words[:2] == ["docker", "run"]:
            return self._adapt(words, stdin or "")
        if words[:2] == ["docker", "exec"]:
            return self._exec(words, stdin or "")
        return super().run(command, stdin, within)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        if request.service != "grafana":
            return super().fetch(endpoint, request, within)
        self.asked.append(str(request))
        if self.grafana_is == "gone" or self.containers["grafana"]["State"]["Status"] != "running":
            raise ConnectionRefusedError("refused")
        if request.path == "/api/health":
            return Result(200, "{}")
        if endpoint.password is None:
            return Result(401)
        if self.grafana_is == "locked" or endpoint.password.value != self.grafana:
            self.wrong += 1
            return Result(401, "Invalid username or password")
        return self._change(request) if request.method == "PUT" else Result(200, '{"id": 1, "login": "admin"}')

    def _change(self, request: Request) -> Result:
        if self.grafana_is == "gone at the change":
            self.containers["grafana"]["State"]["Status"] = "exited"
            raise ConnectionRefusedError("gone")
        if self.grafana_is == "refusing the API":
            return Result(500, "database is locked")
        self.grafana = json.loads(request.body or "")["newPassword"]
        return Result(200)

    def _exec(self, words: list[str], stdin: str) -> Result:
        if "reset-admin-password" in words:
            self.grafana = stdin.removesuffix("\n")
        elif "reload" in words and not self.alone:
            self.serves = self.files[CADDYFILE]
        return Result(0)

    def _read(self, values: list[str], _stdin: str) -> Result:
        return Result(0, self.files[values[0]]) if values[0] in self.files else Result(44)

    def _place(self, values: list[str], stdin: str) -> Result:
        assert int(values[1]) == len(stdin.encode())
        self.files[values[0]] = stdin
        self.settle_environment()
        return Result(0)

    def _candidate(self, values: list[str], stdin: str) -> Result:
        self.files[values[0]] = stdin
        return Result(0)

    def _adapt(self, words: list[str], stdin: str) -> Result:
        if self.judged:
            return Result(1, "", self.judged)
        own = [word for word in words if word.startswith("--mount=") and "/etc/caddy" in word][-1]      # the deepest one is on top
        source = dict(pair.split("=", 1) for pair in own.removeprefix("--mount=").split(",") if "=" in pair)["source"]
        text = self.files[source if source in self.files else CADDYFILE]
        environment = dict(line.split("=", 1) for line in stdin.splitlines())
        accounts = [{"username": one.user.text, "password": _at_adapting(one.hash, environment)} for one in logins(text)]
        asks = {"accounts": accounts, "hash": {"algorithm": self.algorithm}}
        handle = [{"handler": "authentication", "providers": {"http_basic": asks}}]
        routes = [{"match": [{"host": [site.name]}], "handle": handle if f"{site.name} {{\n\timport" in text else []} for site in SITES]
        return Result(0, json.dumps({"apps": {"http": {"servers": {"srv0": {"routes": routes}}}}}))

    def _ask(self, _values: list[str], stdin: str) -> Result:
        """Answer what curl is given for each site, as Caddy does with what it runs."""
        parts, answers = stdin.split("\0")[:-1], []
        while parts:
            count = int(parts[0])
            answers.append(self._page(parts[count + 1]))
            parts = parts[count + 2 :]
        return Result(0, "".join(f"{number}\x1e0\x1e{TOLD}{status} \x1f" for number, status in enumerate(answers)))

    def _page(self, config: str) -> int:
        asked = dict(DELIVERED.findall(config))
        name = asked["url"].split("/")[2].partition(":")[0]
        raw = self.containers["caddy"]
        if name in self.broken:
            return self.broken[name]
        environment = dict(pair.split("=", 1) for pair in raw["Config"]["Env"])
        hash_ = resolved(logins(self.serves)[0].hash, environment)
        user, _, password = asked.get("user", "").partition(":")
        return 200 if user == "admin" and opens(password, hash_) else 401

