"""Where opsbook keeps its own files, by the XDG rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of journal, crash files and labs; it may not exist yet."""
    return _folder(environment, "XDG_STATE_HOME", ".local/state")


def config_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's inventory and known host keys; it may not exist yet."""
    return _folder(environment, "XDG_CONFIG_HOME", ".config")


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of what can be fetched again; it may not exist yet."""
    return _folder(environment, "XDG_CACHE_HOME", ".cache")


def data_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of what must not be lost, such as backups; it may not exist yet."""
    return _folder(environment, "XDG_DATA_HOME", ".local/share")


def private_folder(path: Path) -> Path:
    """Make the folder and what is missing above it, whatever the umask is, so that nobody else can enter; return it."""
    for folder in reversed([path, *path.parents]):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path


def _folder(environment: Mapping[str, str], variable: str, below_home: str) -> Path:
    home = Path(environment["HOME"]) if environment.get("HOME") else Path.home()
    base = Path(environment.get(variable, ""))
    # a relative path is invalid by the XDG rules and must be ignored
    return (base if base.is_absolute() else home / below_home) / "opsbook"
