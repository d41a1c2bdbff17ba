"""Bring the lab up: whatever is there and right is reused, the rest is made."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from opsbook.lab import address, breaking, gitserver, hosts, kernel, keys, state
from opsbook.lab.containers import server
from opsbook.lab.docker import holds
from opsbook.lab.engine import Engine, Progress, engine
from opsbook.lab.faults import actions
from opsbook.lab.lab import Lab, cache_folder
from opsbook.lab.making.images import Images, alone, images
from opsbook.lab.making.store import store
from opsbook.lab.network import ip, network
from opsbook.lab.p24 import REPO, contents
from opsbook.lab.profile import P24, Profile
from opsbook.lab.stack import checkout, stack


def up(lab: Lab, progress: Progress, profile: Profile = P24) -> None:
    """Build what is missing and prove that Prometheus answers."""
    with state.alone(lab):
        with alone(cache_folder()):     # two labs that come up at once start one engine
            found = engine(progress)
        progress(f"Docker Engine {found.version}")
        made = prepared(lab, profile, found, progress)
        subnet = network(lab)
        state.save(lab, replace(state.load(lab), subnet=subnet))
        keys.keys(lab, ("git", *(host.name for host in profile.hosts)))
        start(lab, profile, made, found, subnet, progress)


def prepared(lab: Lab, profile: Profile, found: Engine, progress: Progress) -> Images:
    """Make the images, and check the kernel before the first host needs it."""
    cache = cache_folder()
    with alone(cache):
        made = images(progress, cache)
        if not all(holds("container", "inspect", lab.container(host.name)) for host in profile.hosts):
            kernel.confirm(server(found.cgroups), made.servers.docker)
        store(progress, made, found.cgroups)
    return made


def start(lab: Lab, profile: Profile, made: Images, found: Engine, subnet: str, progress: Progress) -> None:
    """Start git server, hosts and stack."""
    hosts.git_server(lab, made, ip(subnet, profile.git_address), progress, tree_digest(REPO))
    gitserver.initialise(lab, REPO)
    ports = hosts.servers(lab, profile, made, found.cgroups, subnet, progress)
    state.save(lab, replace(state.load(lab), ports=ports))
    address.write(lab, profile, ports, subnet)
    for host in profile.hosts:
        if host.stack:
            checkout(lab, host.name)
            mended(lab, progress)
            actions.come_back(lab)
            stack(lab, host.name, progress)


def mended(lab: Lab, progress: Progress) -> None:
    """Mend what was broken on purpose: a lab that is up is well."""
    for injected in breaking.in_force(lab):
        progress(f"mending {injected.name}")
        breaking.repair(lab, injected)


def tree_digest(tree: Path) -> str:
    """Tell one state of the config repo's first commit from another."""
    files = [(path.relative_to(tree).as_posix(), path.read_bytes()) for path in contents(tree)]
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16]
