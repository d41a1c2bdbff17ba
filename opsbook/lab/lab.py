"""One lab: its name, its folder on the operator's side, and what its parts are called in the engine."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opsbook.errors import UsageError

OWNED = "opsbook.lab"  # the label that everything of a lab carries; its value is the lab's name


@dataclass(frozen=True)
class Lab:
    """A lab by name; two checkouts have two."""

    name: str
    folder: Path

    @property
    def network(self) -> str:
        """The network that only this lab's hosts are on."""
        return f"opsbook-{self.name}"

    @property
    def label(self) -> str:
        """What marks a container, volume or network as ours, in the form that `--label` and `--filter` take."""
        return f"{OWNED}={self.name}"

    @property
    def key(self) -> Path:
        """The operator's private key."""
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The lab's own known_hosts: the user's is never touched."""
        return self.folder / "known_hosts"

    @property
    def inventory(self) -> Path:
        """The inventory that `--lab` means."""
        return self.folder / "inventory.yaml"

    def container(self, host: str) -> str:
        """Name the container that plays a host."""
        return f"opsbook-{self.name}-{host}"


def here(environ: Mapping[str, str] = os.environ) -> Lab:
    """Return the lab of this checkout, or the one that OPSBOOK_LAB_NAME names."""
    name = environ.get("OPSBOOK_LAB_NAME") or checkout_name()
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
        raise UsageError(
            "OPSBOOK_LAB_NAME becomes part of container names",
            saw=name,
            next="choose lower-case letters, digits and dashes, at most 31",
        )
    return Lab(name, state_folder(environ) / name)


def checkout_name() -> str:
    """Derive a name from the folder that opsbook runs from, so that two clones never share a lab."""
    root = Path(__file__).resolve().parent.parent.parent
    return hashlib.sha256(bytes(root)).hexdigest()[:8]


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in which every lab has one of its own."""
    home = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "opsbook" / "lab"


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what is slow to make and the same for every lab."""
    home = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "opsbook" / "lab"
