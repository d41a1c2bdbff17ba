"""Which hosts a lab has: one line a host, in a profile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsbook.errors import UsageError
from opsbook.lab.making.recipes import ALERTMANAGER, CADVISOR, PROMETHEUS, PYTHON_BASE, RECIPES

GIT, MIRROR = "git", "mirror"  # what hosts need besides: the server of the config repo, and the one with exporters' releases
P24_IMAGES = tuple(one.name for one in RECIPES if one is not CADVISOR)
SERVER_IMAGES = tuple(one.name for one in (PROMETHEUS, PYTHON_BASE, CADVISOR))
LCX_IMAGES = tuple(one.name for one in (PROMETHEUS, ALERTMANAGER))


@dataclass(frozen=True)
class HostSpec:
    """A server as the lab plays it."""

    name: str
    address: int  # the last byte of its address on the lab's network
    roles: tuple[str, ...] = ("node",)
    stack: str | None = None
    open_ports: tuple[str, ...] = ("22/tcp",)
    needs: tuple[str, ...] = (MIRROR,)
    images: tuple[str, ...] = ()  # what its engine holds when it starts
    project: str = ""  # a Compose project that lies on it as plain files
    bare: bool = False  # as a provider hands it over: root's key, no claude-admin, no firewall

    @property
    def docker(self) -> bool:
        """Whether an engine runs on it."""
        return "docker" in self.roles

    @property
    def provisioned(self) -> bool:
        """Whether claude-admin has the programs that need root."""
        return "node" in self.roles and not self.bare


@dataclass(frozen=True)
class Profile:
    """A site in small: its servers, and the three that only serve them: files, names, certificates."""

    name: str
    hosts: tuple[HostSpec, ...]
    git_address: int = 2
    mirror_address: int = 3
    ca_address: int = 4

    def host(self, name: str) -> HostSpec | None:
        """Find a host by name."""
        return next((host for host in self.hosts if host.name == name), None)

    def needs(self, what: str) -> bool:
        """Tell whether one of the hosts needs the git server, or the mirror."""
        return any(what in host.needs for host in self.hosts)

    def only(self, names: Iterable[str]) -> Profile:
        """Return the site with these hosts only; a name that is none of them is an error."""
        wanted = set(names)
        for name in sorted(wanted - {host.name for host in self.hosts}):
            known = " ".join(host.name for host in self.hosts)
            raise UsageError(f"the lab has no host {name}", saw=f"it can have {known}", next="opsbook lab up")
        return replace(self, hosts=tuple(host for host in self.hosts if host.name in wanted))


SITE = Profile(
    "site",
    hosts=(
        HostSpec(
            "vps-i1",
            11,
            roles=("node", "docker"),
            stack="p24",
            open_ports=("22/tcp", "80/tcp", "443/tcp"),
            needs=(GIT,),
            images=P24_IMAGES,
        ),
        HostSpec("serverA", 12),
        HostSpec("serverB", 13, roles=("node", "docker"), images=SERVER_IMAGES, project="app"),
        HostSpec("serverC", 14, bare=True),
        HostSpec(
            "serverF", 16, roles=("node", "docker", "scraper"), stack="monitoring", images=SERVER_IMAGES, project="monitoring"
        ),
        HostSpec("stranger", 17, roles=("stranger", "outside"), needs=()),
        HostSpec("lcx", 18, roles=("node", "docker"), stack="lcx", images=LCX_IMAGES, project="lcx"),
    ),
)
