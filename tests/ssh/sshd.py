"""A real sshd on a loopback port, with keys, home and settings of its own."""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from opsbook.inventory import HostEntry
from opsbook.ssh.known_hosts import HostKey, append, name_of
from tests.until import until

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "sshd"
SETTINGS = """\
ListenAddress 127.0.0.1
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
SetEnv HOME={home}
"""
FORGIVING = "PerSourcePenalties no\n"      # since OpenSSH 9.8, which else shuts out whoever has shown some wrong keys


@dataclass
class Sshd:
    """One running server; `folder` holds everything that is its own."""

    folder: Path
    settings: tuple[str, ...] = ()      # lines that win over the usual ones
    key_type: str = "ed25519"
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _orphans: list[int] = field(default_factory=list, repr=False)       # outlive their connection, but not the test

    @property
    def client_key(self) -> Path:
        """Return the private key that is let in."""
        return self.folder / "client"

    @property
    def log(self) -> Path:
        """Return what the server says of who came."""
        return self.folder / "log"

    @property
    def home(self) -> Path:
        """Return the home of whoever logs in."""
        return self.folder / "home"

    @property
    def host_key(self) -> HostKey:
        """Return the key that the server shows."""
        return public_key(self.folder / "host")

    @property
    def known_hosts(self) -> Path:
        """Return a file that knows this server, and no other."""
        file = self.folder / "known_hosts"
        if not file.exists():
            append(file, name_of("127.0.0.1", self.port), self.host_key)
        return file

    def entry(self, name: str = "web1", *, key: str | None = None, user: str | None = None, jump: str | None = None) -> HostEntry:
        """Return the inventory's entry for the server."""
        return HostEntry(name, "127.0.0.1", self.port, user or getpass.getuser(), key or str(self.client_key), jump)

    def start(self) -> Sshd:
        """Start the server and wait until it listens."""
        self.home.mkdir(parents=True, exist_ok=True)
        make_key(self.folder / "host", self.key_type)
        make_key(self.client_key)
        shutil.copy(f"{self.client_key}.pub", self.folder / "authorized_keys")
        self.port = self.port or free_port()
        config = self.folder / "sshd_config"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config.write_text(self._config() + FORGIVING)
        if subprocess.run([SSHD, "-t", "-f", config], check=False, capture_output=True).returncode:
            config.write_text(self._config())
        with self.log.open("w") as log:     # a pipe that nobody reads would fill up and stop the server
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=log, start_new_session=True)
        assert until(lambda: "Server listening" in self.log.read_text()), self.log.read_text()
        return self

    def stop(self) -> None:
        """Stop the server and every session of it."""
        if self.process is None:
            return
        for pid in (*self.sessions(), *self._orphans):
            kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.process = None

    def sessions(self) -> list[int]:
        """Return the process ids of the server's sessions."""
        return descendants(self.process.pid) if self.process else []

    def cut(self) -> None:
        """Break every connection; the server stays, and so does what was running in them."""
        self._orphans.extend(self.sessions())
        for pid in self._orphans:
            if name_of_process(pid).startswith("sshd"):
                kill(pid, signal.SIGKILL)

    def _config(self) -> str:
        usual = SETTINGS.format(folder=self.folder, home=self.home)
        return "\n".join([f"Port {self.port}", f"HostKey {self.folder}/host", *self.settings, usual])


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a key pair if there is none."""
    if not path.exists():
        size = ("-b", "3072") if kind == "rsa" else ()
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "test", "-f", path], check=True)
    return path


def public_key(path: Path) -> HostKey:
    """Return the public part of a key pair."""
    kind, blob, *_ = Path(f"{path}.pub").read_text().split()
    return HostKey(kind, base64.b64decode(blob))


def free_port() -> int:
    """Return a loopback port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """Return the processes below this one, as far as they run."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for above in found:
        found.extend(child for child, parent in parents if parent == above)
    return found[1:]


def name_of_process(pid: int) -> str:
    """Return the program's name, empty if it has gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def kill(pid: int, number: signal.Signals) -> None:
    """Send the signal if the process is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
