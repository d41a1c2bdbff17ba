"""What claude-admin may do as root: one root-owned program per act.

Each program takes no argument. It reads its request on standard input, judges it there, and refuses what it does not know: sudoers can
only compare texts, and a `*` in it also matches blanks. `provision-host` places the programs, and `doctor` compares their hashes.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

from opsbook.shell import Command, cmd

ACTS = Path(__file__).parent / "acts"
FOLDER = "/usr/local/sbin"
SUDOERS = "/etc/sudoers.d/opsbook"    # where the text of `sudoers` belongs, mode 0440


@functools.cache    # what is placed, and what it is compared with later in the run, is the same although opsbook may be updated meanwhile
def _text(name: str) -> str:
    return (ACTS / name).read_text()


@dataclass(frozen=True)
class Act:
    """One thing that needs root, and the program that does it."""

    name: str       # opsbook-…
    purpose: str    # in words for the operator
    limit: int      # seconds after which root ends it, with all that it has started; the program holds it itself

    @property
    def path(self) -> str:
        """Return where the program lies on a host."""
        return f"{FOLDER}/{self.name}"

    @property
    def text(self) -> str:
        """Return the program, as this opsbook has it."""
        return _text(self.name)

    @property
    def sha256(self) -> str:
        """Return the hash of that text, as `sha256sum` prints it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def run(self) -> Command:
        """Return the command; its request goes by standard input."""
        return cmd("sudo", "-n", self.path)


LOOK = Act("opsbook-look", "reads what only root may read: firewall, sshd's settings, sudoers, kernel messages", 25)
CONFIRM = Act("opsbook-confirm", "saves firewall or sshd settings, and puts them back unless a new login disarms it", 100)
FIREWALL = Act("opsbook-firewall", "opens ports to single addresses, and turns the firewall on", 100)
NODE_EXPORTER = Act("opsbook-node-exporter", "installs a verified node_exporter and its unit", 150)
UNITS = Act("opsbook-units", "starts or restarts docker.service", 100)

ALL = (LOOK, CONFIRM, FIREWALL, NODE_EXPORTER, UNITS)


def placing(host: str, key: str | None = None) -> str:
    """Return the command that puts root's part of a host right. Once sshd keeps root out it takes another login that may become root."""
    line = cmd("opsbook", "provision-host", f"--key={key}" if key else None, host, "--as", "root")
    return f"{line}    (or --as another login that sudo makes root)"


def sudoers(user: str) -> str:
    """Return the sudoers file that lets that user run the programs, each without arguments."""
    programs = ", \\\n    ".join(f'{act.path} ""' for act in ALL)
    return (
        "# Written by opsbook provision-host. Each program reads its request on standard input and judges it there.\n"
        f"{user} ALL=(root) NOPASSWD: {programs}\n"
    )
