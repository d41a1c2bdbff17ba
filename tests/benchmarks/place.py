"""The lab as the benchmarks use it: its inventory beside a folder of their own, so that no state of anybody's is touched."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opsbook import inventory_file
from opsbook.inventory import HostEntry
from opsbook.lab.lab import Lab, here
from opsbook.lab.up import up
from tests.benchmarks.environments import environ


@dataclass(frozen=True)
class Place:
    """A lab, and a folder for what a benchmark writes."""

    lab: Lab
    folder: Path

    @classmethod
    def ready(cls, folder: Path) -> Place:
        """Bring the lab up."""
        lab = here()
        up(lab, lambda line: print(line, file=sys.stderr))  # noqa: T201
        shutil.copy(lab.inventory, folder / "inventory.yaml")
        return cls(lab, folder)

    @property
    def inventory(self) -> Path:
        """Return the inventory, in a folder where further runbooks may lie."""
        return self.folder / "inventory.yaml"

    def environ(self) -> dict[str, str]:
        """Return an environment whose journal is the benchmark's own."""
        return environ(XDG_STATE_HOME=str(self.folder / "state"), OPSBOOK_INVENTORY=str(self.inventory))

    def host(self, name: str) -> HostEntry:
        """Return the inventory's entry of a host."""
        return inventory_file.load(self.inventory, {}).host(name)

    def ssh_options(self, name: str) -> Sequence[str]:
        """Return the options that take OpenSSH to the host, strictly and without the operator's own settings."""
        entry = self.host(name)
        pairs = ("BatchMode=yes", f"UserKnownHostsFile={self.lab.known_hosts}", f"Port={entry.port}", f"User={entry.user}")
        return ("-F", "none", "-i", str(entry.key), *(word for pair in pairs for word in ("-o", pair)))
