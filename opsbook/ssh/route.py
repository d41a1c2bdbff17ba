"""The hops to a host, each with its address, user and keys: what the inventory says, completed by ssh_config."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass, field
from pathlib import Path

from paramiko import SSHConfig

from opsbook.errors import UsageError
from opsbook.inventory import HostEntry
from opsbook.ssh.config import Settings, read, settings
from opsbook.ssh.keys import DEFAULTS, Identity, agent_socket
from opsbook.ssh.known_hosts import SSH_PORT, name_of

CONFIG = (Path("~/.ssh/config"), Path("/etc/ssh/ssh_config"))
JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d+))?/?")


@dataclass(frozen=True)
class Hop:
    """One SSH server on the way; the last is the host itself."""

    name: str
    address: str
    port: int
    user: str
    identity: Identity = field(repr=False)
    known_as: str                           # the name under which its key is filed
    connect_within: float | None = None     # seconds, where ssh_config says so

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if ":" not in self.address else f"[{self.address}]:{self.port}"


@dataclass(frozen=True)
class Router:
    """Finds the hops, by one reading of ssh_config."""

    config: SSHConfig

    @classmethod
    def of_the_user(cls) -> Router:
        """Return the router for the operator's and the machine's ssh_config."""
        return cls(read(CONFIG))

    def route(self, entry: HostEntry, gateways: tuple[HostEntry, ...] = ()) -> tuple[Hop, ...]:
        """Return the hops, the host last. Jump hosts of the inventory (outermost first) win over ssh_config's ProxyJump."""
        known = [(hop_entry, settings(self.config, hop_entry.name)) for hop_entry in (*gateways, entry)]
        first, said = known[0]
        return (*self._jumps(said, first.name, ()), *(_hop(hop_entry, said) for hop_entry, said in known))

    def _jumps(self, said: Settings, name: str, behind: tuple[str, ...]) -> tuple[Hop, ...]:
        if name in behind:
            raise UsageError("ProxyJump in ssh_config leads in a circle", saw=" → ".join((*reversed(behind), name)), host=behind[0])
        if said.proxy_jump is None and said.proxy_command is not None:
            raise UsageError(
                "ssh_config reaches this host by ProxyCommand, which opsbook does not run",
                saw=said.proxy_command, next="say `ProxyJump` in ssh_config, or `jump:` in the inventory", host=name,
            )  # fmt: skip
        hops: list[Hop] = []
        for position, spec in enumerate((said.proxy_jump or "").replace(" ", "").split(",")):
            if spec:
                entry = _jump_entry(spec, name)
                found = settings(self.config, entry.name)
                if position == 0:
                    hops.extend(self._jumps(found, entry.name, (name, *behind)))
                hops.append(_hop(entry, found))
        return tuple(hops)


def _hop(entry: HostEntry, said: Settings) -> Hop:
    address = entry.address or said.hostname or _name_as_address(entry)
    port = entry.port or said.port or SSH_PORT
    identity = Identity(entry.key or None, said.identity_files or DEFAULTS, agent_socket(said.identity_agent), said.identities_only)
    user = entry.login or entry.user or said.user or getpass.getuser()
    known_as = said.host_key_alias.lower() if said.host_key_alias else name_of(address, port)
    return Hop(entry.name, address, port, user, identity, known_as, said.connect_timeout)


def _name_as_address(entry: HostEntry) -> str:
    if entry.missing:
        unset = f"not set: {', '.join(entry.missing)}"
        raise UsageError("the address of this host is not known", saw=unset, next="opsbook hosts", host=entry.name)
    return entry.name


def _jump_entry(spec: str, behind: str) -> HostEntry:
    found = JUMP.fullmatch(spec)
    if found is None:
        raise UsageError(f"ssh_config has a ProxyJump that cannot be read: {spec}", host=behind)
    port = int(found["port"]) if found["port"] else None
    return HostEntry(found["host"].strip("[]"), port=port, user=found["user"])
