"""What the audit knows of a host; `None` is what could not be asked, and `why` says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsbook.findings.finding import Finding
from opsbook.inventory import HostEntry
from opsbook.privileged import placing
from opsbook.systems.container import Container
from opsbook.systems.engine import Engine
from opsbook.systems.files import Stat
from opsbook.systems.root_view import Told
from opsbook.systems.sockets import Socket
from opsbook.systems.sudo import Grant

UFW_CONF = "/etc/ufw/ufw.conf"


@dataclass(frozen=True)
class Facts:
    """One host at one moment."""

    entry: HostEntry
    root: Mapping[str, Told] | None = None              # what opsbook-look told, by what was asked
    user: str = ""
    groups: tuple[str, ...] = ()
    grants: tuple[Grant, ...] | None = None
    offered: tuple[str, ...] | None = None              # the methods by which sshd lets somebody prove who it is
    sockets: tuple[Socket, ...] | None = None
    ufw_defaults: str | None = None                     # /etc/default/ufw
    ufw_conf: str | None = None                         # what is read at boot, and by everybody
    engine: Engine | None = None
    containers: tuple[Container, ...] | None = None     # those that run
    env: Stat | None = None
    env_text: str | None = field(default=None, repr=False)
    grafana: int | None = None                          # the status that `admin` gets there with the password `admin`
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Return the inventory name."""
        return self.entry.name

    @property
    def has_docker(self) -> bool:
        """Return whether the inventory says that Docker runs there."""
        return self.entry.stack is not None or "docker" in self.entry.roles

    @property
    def up(self) -> str:
        """Return the command after which containers are what the Compose file says."""
        return f"opsbook bring-up {self.host}" if self.entry.stack else f"docker compose up --detach    (on {self.host}, in its folder)"

    def told(self, wanted: str) -> str | None:
        """Return what opsbook-look told of it; nothing where it was not asked, or the question failed."""
        found = (self.root or {}).get(wanted)
        return None if found is None or found.code else found.text

    def unjudged(self, point: str, *asked: str) -> Finding:
        """Return the finding that this point is not judged, with the reasons of what was asked in vain: not judged is not safe."""
        reasons = [self.why.get(one) or _failed(one, (self.root or {}).get(one)) for one in asked]
        remedy = provision(self) if any(one not in self.why or one == "root" for one in asked) else f"opsbook doctor {self.host}"
        return Finding("bad", f"not judged: {point}", "\n".join(dict.fromkeys(filter(None, reasons))), remedy)


def provision(facts: Facts) -> str:
    """Return the command that puts sshd, sudoers and the programs right."""
    return placing(facts.host)


def _failed(wanted: str, told: Told | None) -> str:
    return f"{wanted}: {next(iter(told.text.strip().splitlines()[-1:]), 'no reason given')}" if told is not None and told.code else ""
