"""A made-up Caddy over a real folder: the scripts of its volume run on this machine, its certificates are those of the test's authority."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography import x509

from opsbook.host import Result
from opsbook.inventory import Site
from opsbook.shell import Command
from opsbook.systems import pem, tls, volume
from opsbook.web import Endpoint, Request
from tests.certs import DAY, issued
from tests.fake import STACK
from tests.runbooks.fake_stack import BEGUN, FakeStack

NAMES = ("alertmanager.example", "prometheus.example")
CA = "certificates/ca.example"
WITH_SITES = replace(
    STACK,
    services=tuple(one for one in STACK.services if one.name in {"caddy", "prometheus"}),
    sites=tuple(Site(name, "prometheus") for name in NAMES),
)
NO_CERTIFICATE = "40:error:0A000438:SSL routines:ssl3_read_bytes:tlsv1 alert internal error:ssl/record.c:1605:SSL alert number 80\n"
MONTH_AGO = BEGUN - 30 * DAY


@dataclass
class FakeCaddy(FakeStack):
    """Caddy reads its storage when it starts, and orders what it lacks while the authority answers."""

    data: Path = Path()
    authority: bool = True
    trusted: bool = True
    orders: int = 0
    memory: dict[str, bytes] = field(default_factory=dict)      # chains by name, as served
    configured: str = "{}"
    writes_meanwhile: int = 0                                   # so often something changes while the storage is read

    def __post_init__(self) -> None:
        super().__post_init__()
        raw = self.containers["caddy"]
        raw["Config"]["Env"] = [f"XDG_DATA_HOME={self.data}"]
        raw["Mounts"] = [{"Type": "volume", "Name": "monitoring_caddy_data", "Source": "/x", "Destination": str(self.data), "RW": True}]
        (self.root / "acme" / "ca.example").mkdir(parents=True)
        (self.root / "acme" / "ca.example" / "account.key").write_bytes(issued("account", starts=MONTH_AGO)[1])
        for number, name in enumerate(NAMES):
            self.store(name, starts=MONTH_AGO, serial=0xA0 + number)
        self.read_storage()

    @property
    def root(self) -> Path:
        return self.data / "caddy"

    def store(self, name: str, *, starts: float, serial: int, days: float = 90) -> None:
        """Lay a certificate and its key into the storage, as Caddy does."""
        chain, key = issued(name, starts=starts, serial=serial, days=days)
        (folder := self.root / CA / name).mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.crt").write_bytes(chain)
        (folder / f"{name}.key").write_bytes(key)

    def read_storage(self) -> None:
        self.memory = {}
        for name in NAMES:
            path = self.root / CA / name / f"{name}.crt"
            if not path.exists() and self.authority:
                self.orders += 1
                self.store(name, starts=self.now - 1, serial=0xF0 + self.orders)
            if path.exists():
                self.memory[name] = path.read_bytes()

    def start(self) -> None:
        """Make a new process of the same container."""
        kept = {key: self.containers["caddy"][key] for key in ("Config", "Mounts")}
        self.containers["caddy"] = self.made("caddy", self.now) | kept
        self.read_storage()

    def empty(self) -> None:
        """Lose what is in the volume; the process serves on from its memory."""
        subprocess.run(["rm", "-r", self.root], check=True)

    def serials(self) -> dict[str, str]:
        """Return what is served, by name."""
        return {name: leaf.serial for name, chain in self.memory.items() if (leaf := pem.leaf(chain))}

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        if words[0] == "bash" and words[2] == tls.SHOW:
            return self._shake(words[5])
        if "run" not in words or "--log-driver=none" not in words:
            return super().run(command, stdin, within)
        self.asked.append(str(command))
        self.now += 1
        if failing := [result for part, result in self.fails.items() if part in str(command)]:
            return failing[0]
        return self._in_volume(words, stdin)

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        if request.service == "caddy" and self.containers["caddy"]["State"]["Status"] == "running":
            return Result(200, self.configured)
        return super().fetch(endpoint, request, within)

    def _in_volume(self, words: list[str], stdin: str | None) -> Result:
        """Run the throw-away container's script on this machine."""
        assert f"target={self.data}" in next(word for word in words if word.startswith("--mount="))
        image = words.index("--entrypoint=sh") + 1
        line = [*words[: words.index("docker")], "sh", *words[image + 1 :]]
        done = subprocess.run(line, input=(stdin or "").encode(), capture_output=True, check=False, timeout=60)
        if words[2] == volume.WHOLE and self.writes_meanwhile:
            self.writes_meanwhile -= 1
            (self.root / "last_clean.json").write_text(str(self.now))
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def _compose(self, words: list[str]) -> Result:
        if words[0] == "stop":
            self.containers[words[1]]["State"]["Status"] = "exited"
            self.memory = {}
        elif words[0] in {"start", "restart"}:
            self.start()
        else:
            return super()._compose(words)
        return Result(0)

    def _shake(self, name: str) -> Result:
        self.asked.append(f"handshake {name}")
        if name not in self.memory:
            return Result(0, NO_CERTIFICATE)
        found = x509.load_pem_x509_certificate(self.memory[name])
        leaf = pem.leaf(self.memory[name])
        assert leaf is not None
        said = "0 (ok)" if self.trusted else "20 (unable to get local issuer certificate)"
        stamps = (f"{when:%b %d %H:%M:%S %Y} GMT" for when in (found.not_valid_before_utc, found.not_valid_after_utc))
        names = ", ".join(f"DNS:{one}" for one in leaf.names)
        return Result(0, "New, TLSv1.3, Cipher is TLS_AES\nVerify return code: {}\nnotBefore={}\nnotAfter={}\nserial={}\n{}\n".format(
            said, *stamps, leaf.serial, names
        ))  # fmt: skip
