"""Docker's networks: which addresses their containers have, and what of a container is open to other hosts."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable

from opsbook.host import Read, Result
from opsbook.shell import cmd, pipe
from opsbook.systems.container import Container, Port, parse_containers


def running() -> Read[tuple[Container, ...]]:
    """Every container that runs, whoever started it, in one round trip."""
    listed = cmd("docker", "ps", "--quiet", "--no-trunc")
    return Read(pipe(listed, cmd("xargs", "--no-run-if-empty", "docker", "container", "inspect")), parse_containers)


def subnets(names: Iterable[str]) -> Read[tuple[str, ...]]:
    """The IPv4 subnets of those networks."""
    return Read(cmd("docker", "network", "inspect", *sorted(names)), parse_subnets)


def parse_subnets(result: Result) -> tuple[str, ...]:
    """Given the output of `docker network inspect`, return the IPv4 subnets."""
    configs = (config for network in json.loads(result.out) for config in network["IPAM"].get("Config") or ())
    nets = (ipaddress.ip_network(config["Subnet"]) for config in configs if "Subnet" in config)
    return tuple(str(net) for net in nets if net.version == 4)      # noqa: PLR2004


def publishers(containers: Iterable[Container], port: int) -> tuple[tuple[Container, Port], ...]:
    """Return the containers that publish that TCP port of the host, each with where."""
    return tuple((one, where) for one in containers for where in one.ports if (where.public, where.protocol) == (port, "tcp"))


def is_loopback(port: Port) -> bool:
    """Return whether the port is published to the host itself only."""
    return port.address == "localhost" or (port.address != "" and ipaddress.ip_address(port.address).is_loopback)
