"""Which hosts a lab has: one line a host, in a profile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostSpec:
    """A server as the lab plays it."""

    name: str
    address: int  # the last byte of its address on the lab's network
    roles: tuple[str, ...] = ("node",)
    stack: str | None = None
    open_ports: tuple[str, ...] = ("22/tcp",)

    @property
    def docker(self) -> bool:
        """Whether an engine runs on it."""
        return "docker" in self.roles


@dataclass(frozen=True)
class Profile:
    """A site in small: its servers and the server that keeps its config repo."""

    name: str
    hosts: tuple[HostSpec, ...]
    git_address: int = 2

    def host(self, name: str) -> HostSpec | None:
        """Find a host by name."""
        return next((host for host in self.hosts if host.name == name), None)


P24 = Profile(
    "p24",
    hosts=(
        HostSpec("vps-i1", 11, roles=("node", "docker"), stack="p24", open_ports=("22/tcp", "80/tcp", "443/tcp")),
        HostSpec("serverA", 12),
    ),
)
