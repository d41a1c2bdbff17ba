"""What the inventory says: hosts, roles, stacks and their services, as frozen values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from opsbook.errors import UsageError


@dataclass(frozen=True)
class Service:
    """One service of a stack and how it is asked."""

    name: str
    port: int                       # where it listens inside its container
    healthy: str | None = None      # path that answers 200 when the process lives
    ready: str | None = None        # path that answers 200 when it can do its work
    scheme: str = "http"            # http or https; the certificate is not verified: SSH has proven the host
    prefix: str = ""                # path under which it serves everything (--web.route-prefix)
    username: str | None = None     # for basic auth
    password_key: str | None = None     # the key of the stack's .env under which its password is
    inside: bool = False            # answers only inside its container (Caddy's admin API)
    exporter: bool = False          # built from the checkout
    job: str | None = None          # scrape job that reads it
    metrics: tuple[str, ...] = ()   # names its /metrics must offer

    @property
    def probe(self) -> str:
        """Return the path that proves most: ready before healthy."""
        return self.ready or self.healthy or "/"


@dataclass(frozen=True)
class Site:
    """A public name under which a stack's Caddy shows one of its services, and who may see it."""

    name: str                       # as it stands in DNS and in the address bar
    service: str                    # the name of the service behind it
    username: str | None = None     # who may see it; without one the front door asks for no password
    password_key: str | None = None     # the key of the stack's .env under which the password is
    path: str = "/"                 # what is asked for; with a login, a path that needs it and then answers 200
    port: int = 443                 # where HTTPS answers


@dataclass(frozen=True)
class Stack:
    """A Compose project on a host. Times are seconds."""

    name: str
    checkout: str                   # the working copy of the config repository
    directory: str                  # where the Compose file is: the checkout, or a folder in it
    project: str                    # the name of the Compose project; that of the directory's last part when not given
    env_file: str = ".env"          # beside the Compose file
    scrape: float = 60              # how often Prometheus scrapes
    evaluation: float = 60          # how often it evaluates rules
    settle: float = 90              # how long a service may take to become healthy
    stable: float = 20              # how long restart counts are watched
    services: tuple[Service, ...] = ()      # by the names that the Compose file gives them
    sites: tuple[Site, ...] = ()    # public names, and who may see what is behind them

    def service(self, name: str) -> Service:
        """Return the service of that name; raise UsageError with the nearest name if there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise UsageError(f'stack {self.name} has no service "{name}"', next=nearest(name, [s.name for s in self.services]))


@dataclass(frozen=True)
class NodeExporter:
    """What install-node-exporter puts on a host, and from where."""

    version: str = "1.12.1"     # the release to install
    port: int = 9100            # where it listens, for the scraper alone
    source: str = "https://github.com/prometheus/node_exporter/releases/download"   # or a mirror of upstream's layout
    job: str = "node"           # the scrape job that reads it


@dataclass(frozen=True)
class Cadvisor:
    """What install-cadvisor runs on a Docker host."""

    image: str = "ghcr.io/google/cadvisor:v0.60.5"      # pinned
    port: int = 8080            # where it listens, for the scraper alone
    job: str = "cadvisor"       # the scrape job that reads it


@dataclass(frozen=True)
class Opening:
    """A port that is open to another host only."""

    port: int       # which it may reach here
    source: str     # the name of a host of the inventory


@dataclass(frozen=True)
class HostEntry:
    """One host of the inventory, its variables already filled in."""

    name: str
    address: str | None = None      # under which we reach it
    port: int | None = None         # of its sshd; that of ssh_config, or 22, when not given
    user: str | None = None         # who logs in; that of ssh_config, or the local user, when not given
    key: str | None = field(default=None, repr=False)   # a path or the text of a private key
    jump: str | None = None         # a host of the inventory through which it is reached
    stack: Stack | None = None      # the name of one of the stacks
    roles: tuple[str, ...] = ()     # groups for --group; some mean something (see above)
    missing: tuple[str, ...] = ()   # names of variables that are not set
    lab: bool = False               # a host of the lab, whose clock is this machine's
    peer_address: str | None = None     # under which the other hosts know it; `address` where the file says nothing
    openings: tuple[Opening, ...] = ()  # hosts that may reach further ports here; the scraper gets the exporters' anyway
    node_exporter: NodeExporter = NodeExporter()
    cadvisor: Cadvisor = Cadvisor()
    login: str | None = None        # who logs in for this run, where `--as` says so; everything else means `user`


@dataclass(frozen=True)
class Inventory:
    """The whole site."""

    path: Path
    hosts: tuple[HostEntry, ...]    # by their names; at least one
    stacks: tuple[Stack, ...]       # Compose projects by their names
    lab: str | None = None          # the lab's name; not for a real site
    known_hosts: tuple[Path, ...] = ()      # files of host keys besides the user's own, one or a list

    @property
    def site(self) -> str:
        """Return where a run on it was made, as the journal has it: the lab's name, or the file."""
        return f"LAB {self.lab}" if self.lab else str(self.path.resolve())

    def host(self, name: str) -> HostEntry:
        """Return the host of that name; raise UsageError with the nearest name if there is none."""
        for entry in self.hosts:
            if entry.name == name:
                return entry
        raise UsageError(f'the inventory has no host "{name}"', saw=str(self.path), next=nearest(name, [h.name for h in self.hosts]))

    def jumps(self, entry: HostEntry) -> tuple[HostEntry, ...]:
        """Return the jump hosts on the way to a host, the one we dial first; the loader has refused circles."""
        if entry.jump is None:
            return ()
        nearest_one = self.host(entry.jump)
        return (*self.jumps(nearest_one), nearest_one)


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Given a name that is not known, return a sentence with the nearest known one, or with all of them."""
    import difflib

    names = list(known)
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return "known: " + ", ".join(names) if names else ""
