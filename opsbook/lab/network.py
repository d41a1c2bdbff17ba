"""The network of one lab: the first free /24 of 10.77.0.0/16, and the /64 that goes with it where the engine can do IPv6."""

from __future__ import annotations

import ipaddress
import json

from opsbook.lab.docker import LabError, attempt, docker
from opsbook.lab.lab import Lab

POOL = tuple(ipaddress.IPv4Network(f"10.77.{byte}.0/24") for byte in range(256))
LAST_TRIES = 5  # another lab may take the same subnet between our look and our create


def network(lab: Lab) -> str:
    """Return the lab network's subnet; create the network when there is none."""
    found = subnet(lab)
    return found if found is not None else create(lab)


def subnet(lab: Lab) -> str | None:
    """Ask for the IPv4 subnet of the lab's network."""
    done = attempt("network", "inspect", "--format", "{{range .IPAM.Config}}{{println .Subnet}}{{end}}", lab.network)
    return next((one for one in done.stdout.decode().split() if ":" not in one), None) if done.returncode == 0 else None


def create(lab: Lab) -> str:
    """Create the network in the first /24 that nobody uses."""
    for free in first_free(taken(), LAST_TRIES):
        if any(created(lab, f"--subnet={free}", *more) for more in (("--ipv6", f"--subnet={with_ipv6(free)}"), ())):
            return free
    raise LabError("no network could be created in 10.77.0.0/16", next="docker network ls")


def created(lab: Lab, *options: str) -> bool:
    """Create the network with these options; return whether that could be done."""
    return attempt("network", "create", *options, f"--label={lab.label}", lab.network).returncode == 0


def first_free(used: set[str], count: int) -> list[str]:
    """Choose candidates that overlap with nothing in use."""
    nets = [ipaddress.IPv4Network(one, strict=False) for one in used]
    return [str(net) for net in POOL if not any(net.overlaps(other) for other in nets)][:count]


def taken() -> set[str]:
    """List the IPv4 subnets of all networks of the engine."""
    names = docker("network", "ls", "--quiet").split()
    shown = json.loads(docker("network", "inspect", *names)) if names else []
    configs = [config for one in shown for config in one["IPAM"]["Config"] or []]
    return {config["Subnet"] for config in configs if ":" not in config.get("Subnet", ":")}


def with_ipv6(net: str) -> str:
    """Return the IPv6 subnet that goes with one of IPv4."""
    return "fd77:77:{}::/64".format(net.split(".")[2])


def ip(net: str, byte: int) -> str:
    """Return an address of the network by its last byte."""
    return str(ipaddress.IPv4Network(net)[byte])
