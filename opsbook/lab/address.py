"""How the operator's side reaches the lab: its inventory and its known_hosts."""

from __future__ import annotations

import yaml

from opsbook.lab import keys, lights, mirror
from opsbook.lab.lab import Lab
from opsbook.lab.making.recipes import CADVISOR
from opsbook.lab.network import ip
from opsbook.lab.p24 import STACKS
from opsbook.lab.profile import HostSpec, Profile
from opsbook.lab.state import State, place

LOOPBACK = "127.0.0.1"


def write(lab: Lab, profile: Profile, known: State) -> None:
    """Write both files anew; published ports change whenever a container starts."""
    lines = [keys.known(lab, host.name, names(host, known.ports[host.name], known.subnet)) for host in profile.hosts]
    lines += [keys.known(lab, lights.NAME, f"[{entry['address']}]:{lights.PORT},{name}") for name, entry in light_entries(known).items()]
    place(lab.known_hosts, "".join(lines))
    place(lab.inventory, yaml.safe_dump(inventory(lab, profile, known), sort_keys=False))


def names(host: HostSpec, port: int, subnet: str) -> str:
    """Name a host as the operator's side sees it, and as its neighbours do (for jumps)."""
    return f"[{LOOPBACK}]:{port},{host.name},{ip(subnet, host.address)}"


def inventory(lab: Lab, profile: Profile, known: State) -> dict[str, object]:
    """Build the lab's inventory."""
    hosts = {host.name: entry(host, known.ports[host.name], ip(known.subnet, host.address)) for host in profile.hosts}
    defaults = {"user": "claude-admin", "key": str(lab.key), "known_hosts": str(lab.known_hosts)}
    return {
        "defaults": defaults,
        "lab": lab.name,
        "hosts": {**hosts, **light_entries(known)},
        "stacks": yaml.safe_load(STACKS.read_text()),
        "node_exporter": {"version": mirror.NEWEST, "source": mirror.source(ip(known.subnet, profile.mirror_address))},
        "cadvisor": {"image": CADVISOR.name},
    }


def entry(host: HostSpec, port: int, peer: str) -> dict[str, object]:
    """Build one host's entry."""
    stack = {"stack": host.stack} if host.stack else {}
    return {"address": LOOPBACK, "port": port, "peer_address": peer, **stack, "roles": list(host.roles)}


def light_entries(known: State) -> dict[str, dict[str, object]]:
    """Build the entries of the light hosts."""
    found = zip(lights.names(known.lights), lights.addresses(known.subnet, known.lights) if known.lights else (), strict=True)
    return {name: {"address": address, "port": lights.PORT, "roles": [lights.NAME]} for name, address in found}
