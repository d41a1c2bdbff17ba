"""A made-up Caddy with an authority, DNS and a street in front of it, for what orders and shows certificates."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from opsbook import record
from opsbook.host import Host, Result
from opsbook.inventory import HostEntry, Site
from opsbook.shell import Command, cmd
from opsbook.systems import dns, files, tls
from opsbook.systems.front_door import TOLD
from opsbook.systems.together import ASK
from tests.dialled import dialled, is_dialling
from tests.fake import ENTRY, FakeTransport, Untaught, a_run, fake_host
from tests.runbooks.caddy.fake_caddy import NAMES, WITH_SITES, FakeCaddy

ADDRESS, CADDYFILE, DIRECTORY = "192.0.2.10", f"{WITH_SITES.directory}/Caddyfile", "https://ca.example/directory"
SITES = tuple(Site(name, "prometheus", "admin", "ADMIN_PASSWORD", "/-/ready") for name in NAMES)
STACK = replace(WITH_SITES, sites=SITES)
HERE = replace(ENTRY, stack=STACK, peer_address=ADDRESS)
ANOTHERS = "acme/ca.example/another's.key"                       # beside it, the stored account is not taken
MALFORMED = "HTTP 400 urn:ietf:params:acme:error:malformed - The request message was malformed"
OUTSIDER = HostEntry("serverF", address="192.0.2.20", roles=("outside",))


@dataclass
class FakeIssuing(FakeCaddy):
    """Besides what it serves and keeps, it tells its log, its configuration and its earlier runs."""

    version: str = "v2.9.1"
    broken: str = ""                                            # what Caddy's image says against the Caddyfile
    adapts: str = "{}"                                          # what it makes of a Caddyfile that it takes
    env: str = "ADMIN_PASSWORD=let-me-in-please\n"
    log: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)          # closed records, by run
    addresses: tuple[str, ...] = ()                             # of its own, but for those of a link
    mute: bool = False                                          # the log cannot be read
    itself: FakeStreet | None = None                            # how it sees its own sites at their public address

    def __post_init__(self) -> None:
        super().__post_init__()
        raw, own = self.containers["caddy"], {"Type": "bind", "Source": CADDYFILE, "Destination": "/etc/caddy/Caddyfile", "RW": False}
        raw["Mounts"].append(own)
        raw["NetworkSettings"]["Ports"] = {f"{port}/tcp": [{"HostIp": "0.0.0.0", "HostPort": port}] for port in ("80", "443")}
        hosts = [{"match": [{"host": [name]}]} for name in NAMES]
        policies = [{"issuers": [{"module": "acme", "ca": DIRECTORY}]}]
        apps = {"http": {"servers": {"a": {"listen": [":443"], "routes": hosts}}}, "tls": {"automation": {"policies": policies}}}
        self.configured = json.dumps({"apps": apps})

    def issue(self, name: str) -> None:
        """Log that the site got a certificate."""
        self.log.append(json.dumps({"ts": self.now, "level": "info", "msg": "certificate obtained successfully", "identifier": name}))

    def fail(self, name: str, error: str = "connection refused", text: str = "could not get certificate from issuer") -> None:
        """Log that an attempt failed."""
        self.log.append(json.dumps({"ts": self.now, "level": "error", "msg": text, "identifier": name, "error": error}))

    def read_storage(self) -> None:
        answers, taken = self.authority, not (self.root / ANOTHERS).exists()
        self.authority = answers and taken
        super().read_storage()
        self.authority = answers
        if hasattr(self, "log"):
            for name in set(NAMES) - set(self.memory):
                self.fail(name, MALFORMED if answers else "connection refused")

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        if words[0] == "bash" and words[2] == ASK:
            return together(self, stdin or "")
        if words[0] == "bash" and words[2] == files.READ:
            known = {CADDYFILE: "…", f"{STACK.directory}/.env": self.env}
            return Result(0, known[words[4]]) if words[4] in known else Result(44)
        if words[0] == "bash" and words[2] == record.SHOW:
            found = self.runs.get(words[4].removeprefix("done/").removesuffix(".json"))
            return Result(0, found) if found else Result(record.MISSING)
        if self.itself is not None and (words[:2] == ["env", "LC_ALL=C"] or is_dialling(command)):
            return self.itself.run(command, stdin, within)
        if words[-1] == "version" or "adapt" in words:
            return self._caddy(words)
        line = str(command)
        if line.startswith("journalctl"):
            return Result(0, "\n".join(self.notes))
        if line.startswith("ip -json"):
            return Result(0, json.dumps([{"addr_info": [{"local": address} for address in self.addresses]}]))
        if words[0] == "curl":
            return Result(0, '{"newOrder": "x"}') if self.authority else Result(7, "", "curl: (7) Connection refused")
        if "docker logs" in line and "grep" in line:
            return Result(1, "", "no such container") if self.mute else Result(0, "\n".join(self._since(line)))
        return super().run(command, stdin, within)

    def _caddy(self, words: list[str]) -> Result:
        if words[-1] == "version":
            return Result(0, f"{self.version} h1:x\n")
        return Result(1, "", self.broken) if self.broken else Result(0, self.adapts)

    def _since(self, line: str) -> list[str]:
        since = re.search(r"--since=([\d.]+)", line)
        return [one for one in self.log if since is None or json.loads(one)["ts"] >= float(since[1])]


@dataclass
class FakeStreet(FakeTransport):
    """Another host, from which the sites are seen; whatever is not said otherwise is well."""

    here: FakeIssuing = field(kw_only=True)
    points: dict[str, str] = field(default_factory=dict)        # by name, where DNS leads elsewhere
    closed: bool = False
    shut: dict[str, int] = field(default_factory=dict)          # by port, how the attempt ends
    statuses: dict[str, int] = field(default_factory=dict)      # by name: with the password
    other: dict[str, bytes] = field(default_factory=dict)       # by name: another chain than the host shows

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        self.asked.append(str(command))
        if words[0] == "bash" and words[2] == ASK:
            return together(self, stdin or "")
        if is_dialling(command):
            return dialled(command, lambda _, port: Result(self.shut.get(str(port), 0)))
        if dns.RESOLVE in words:
            return Result(0, self.points.get(words[-1], ADDRESS))
        if words[0] == "bash" and words[2] == tls.SHOW:
            return self._shown(words[5])
        if "curl" in words:
            return self._page(stdin or "")
        raise Untaught(str(command))

    def _shown(self, name: str) -> Result:
        served = self.here.memory
        self.here.memory = {**served, **self.other}
        try:
            return self.here.run(tls.shown("x", name).ask, None, 1)  # type: ignore[arg-type]
        finally:
            self.here.memory = served

    def _page(self, config: str) -> Result:
        name = next(name for name in NAMES if f"://{name}:" in config)
        if 'url = "http://' in config:
            return Result(0, f"{TOLD}308 https://{name}/")
        if "user = " not in config:
            return Result(0, f"{TOLD}401 ")
        return Result(0, f"{TOLD}{self.statuses.get(name, 200)} ")


def together(transport: FakeIssuing | FakeStreet, stdin: str) -> Result:
    """Answer each question of a batch as if it had come alone."""
    parts, answers = stdin.split("\0")[:-1], []
    while parts:
        count = int(parts[0])
        words, given, parts = parts[4 : count + 1], parts[count + 1], parts[count + 2 :]
        found = transport.run(cmd(*words), given, 1)
        answers.append(f"{len(answers)}\x1e{found.code}\x1e{found.out}{found.err}\x1f")
    return Result(0, "".join(answers))


def seen_from(street: FakeStreet) -> Host:
    """Return the host outside."""
    return fake_host(street, entry=OUTSIDER, run=a_run(reads_only=True))
