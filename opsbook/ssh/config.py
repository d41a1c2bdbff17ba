"""The operator's ssh_config."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paramiko import SSHConfig, SSHConfigDict
from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

from opsbook.errors import UsageError
from opsbook.ssh.lean import catch_up

INCLUDE = re.compile(r"\s*include(?:\s*=\s*|\s+)(.+?)\s*", re.IGNORECASE)
DEEPEST = 16    # as OpenSSH has it


@dataclass(frozen=True)
class Settings:
    """What ssh_config says of one host; None where it says nothing."""

    hostname: str | None = None
    user: str | None = None
    port: int | None = None
    identity_files: tuple[str, ...] = ()
    identity_agent: str | None = None
    identities_only: bool = False
    proxy_jump: str | None = None
    proxy_command: str | None = None
    connect_timeout: float | None = None
    host_key_alias: str | None = None


def read(files: tuple[Path, ...]) -> SSHConfig:
    """Return the files as one configuration; those that do not exist say nothing."""
    config = SSHConfig()
    for file in files:
        try:
            config.parse(_lines(file.expanduser()))
        except ConfigParseError as error:
            raise UsageError(f"{file} cannot be read", saw=str(error)) from None
    return config


def settings(config: SSHConfig, name: str) -> Settings:
    """Return what the configuration says of the host of that name."""
    try:
        found = _lookup(config, name)
        return Settings(
            hostname=found["hostname"] if found["hostname"] != name else None,
            user=found.get("user"),
            port=int(found["port"]) if "port" in found else None,
            identity_files=tuple(found.get("identityfile", ())),
            identity_agent=found.get("identityagent"),
            identities_only=found.get("identitiesonly", "no").lower() == "yes",
            proxy_jump=_unless_none(found.get("proxyjump")),
            proxy_command=_unless_none(found.get("proxycommand")),
            connect_timeout=float(found["connecttimeout"]) if "connecttimeout" in found else None,
            host_key_alias=found.get("hostkeyalias"),
        )
    except (ValueError, ConfigParseError, CouldNotCanonicalize) as error:
        raise UsageError("ssh_config makes no sense for this host", saw=str(error), host=name) from None


def _lookup(config: SSHConfig, name: str) -> SSHConfigDict:
    try:
        return config.lookup(name)
    except ImportError:     # it says `Match exec`
        catch_up()
        return config.lookup(name)


def _unless_none(value: str | None) -> str | None:
    return None if value is None or value.lower() == "none" else value


def _lines(file: Path, depth: int = 0) -> Iterator[str]:
    """Yield the lines of the file with its Includes put in their place, which paramiko does not do."""
    if depth > DEEPEST or not file.is_file():
        return
    for line in file.read_text(errors="replace").splitlines():
        include = INCLUDE.fullmatch(line)
        if include is None:
            yield line
            continue
        for pattern in include[1].replace('"', "").split():
            for found in _named(pattern, file.parent):
                yield from _lines(found, depth + 1)


def _named(pattern: str, folder: Path) -> list[Path]:
    path = folder / Path(pattern).expanduser()
    return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
