"""Which ports of a host must be open, to whom, and by whose rules: UFW's, or those before Docker's own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import services, vantage
from opsbook.moves.scraping import PROMETHEUS
from opsbook.systems.addresses import addresses_of
from opsbook.systems.container import Container
from opsbook.systems.docker_networks import is_loopback, publishers, running, subnets
from opsbook.systems.sockets import listening

DOCKER = "docker"
Gate = Literal["ufw", "docker"]


@dataclass(frozen=True)
class Wanted:
    """One port that one address must reach; `seat` is the role or name of the host that has the address."""

    port: int
    source: str
    seat: str
    why: str
    gate: Gate = "ufw"

    @property
    def key(self) -> str:
        """Return it as opsbook-firewall says it, and as the run record keeps it."""
        return f"{self.port} {self.source}"


def scrape_ports(host: Host) -> tuple[tuple[int, str], ...]:
    """Return the ports of the exporters that the host has by its roles, each with its name."""
    cadvisor = ((host.entry.cadvisor.port, "cadvisor"),) if DOCKER in host.entry.roles else ()
    return ((host.entry.node_exporter.port, "node-exporter"), *cadvisor)


def wanted(host: Host) -> tuple[Wanted, ...]:
    """Return all that must be open; raise Refused where the inventory asks for what no rule can do."""
    scraper = vantage.witness(host, vantage.SCRAPER)
    sources = _of_our_prometheus(host) if scraper.name == host.name else sources_of(host, scraper)
    ports = [(port, f"{name}-for-{scraper.name}") for port, name in scrape_ports(host)]
    return (*(Wanted(port, source, vantage.SCRAPER, why) for port, why in ports for source in sources), *_declared(host))


def _declared(host: Host) -> Iterator[Wanted]:
    """Yield what the inventory opens besides; a port that Docker publishes goes around UFW, so its gate is another one."""
    containers = host.read(running()) if host.entry.openings and DOCKER in host.entry.roles else ()
    for opening in host.entry.openings:
        gate = _gate(host, containers, opening.port)
        for source in sources_of(host, vantage.witness(host, opening.source)):
            yield Wanted(opening.port, source, opening.source, f"open-for-{opening.source}", gate)


def _gate(host: Host, containers: tuple[Container, ...], port: int) -> Gate:
    found = publishers(containers, port)
    if found and all(is_loopback(where) for _, where in found):
        container, where = found[0]
        fix = f'publish it as "{host.entry.peer_address}:{port}:{where.private}" and run this again'
        raise _shut(host, port, f"{container.name} publishes it on {where.address} only", fix)
    here = [one for one in host.recall(listening()) if (one.port, one.protocol) == (port, "tcp")]
    if here and all(one.loopback for one in here):
        raise _shut(host, port, f"what listens there listens on {here[0].address} only", "let it listen on an address that others reach")
    return "docker" if found else "ufw"


def _shut(host: Host, port: int, saw: str, fix: str) -> Refused:
    other = "or take it out of `open:`, and go through Caddy with a password"
    return Refused(f"no firewall rule can open port {port}: it is the host's own", saw=saw, next=f"{fix}; {other}", host=host.name)


def sources_of(host: Host, other: Host) -> tuple[str, ...]:
    """Return the addresses of another host, as this one resolves them."""
    name = vantage.address(other)
    found = _address(name) or host.recall(addresses_of(name))
    if not found:
        raise Refused(f"{host.name} knows no address of {other.name}", saw=f"{name} does not resolve", next="peer_address", host=host.name)
    return found


def _of_our_prometheus(host: Host) -> tuple[str, ...]:
    """Return whence the scraper's own Prometheus comes: over Docker's bridge, and so from an address of its network; over lo: none."""
    container = services.container(host, PROMETHEUS.service)
    if container is None or not container.running:
        raise Refused("the scraper's Prometheus does not run", next=f"opsbook bring-up {host.name}", host=host.name)
    return () if container.host_network else host.read(subnets(container.addresses))


def _address(name: str) -> tuple[str, ...]:
    """Return it as UFW and the kernel write it; nothing where it is a name."""
    try:
        return (str(ipaddress.ip_address(name)),)
    except ValueError:
        return ()
