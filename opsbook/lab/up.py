"""Bring the lab up: whatever is there and right is reused, the rest is made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from opsbook.lab import address, authority, breaking, gitserver, hosts, kernel, keys, lights, state
from opsbook.lab.containers import server
from opsbook.lab.docker import holds
from opsbook.lab.engine import Engine, Progress, engine
from opsbook.lab.faults import actions
from opsbook.lab.hosts import Site
from opsbook.lab.lab import Lab, cache_folder
from opsbook.lab.making import releases
from opsbook.lab.making.images import Images, alone, images
from opsbook.lab.making.store import stores
from opsbook.lab.network import ip, network
from opsbook.lab.p24 import REPO, contents
from opsbook.lab.profile import GIT, MIRROR, SITE, Profile
from opsbook.lab.running import project
from opsbook.lab.stack import checkout, stack


def up(lab: Lab, progress: Progress, names: Iterable[str] = (), scale: int | None = None, profile: Profile = SITE) -> None:
    """Build what is missing of the named hosts and light hosts, or of all, and see their stacks answer; what is up already stays."""
    lights.confirm(scale)
    with state.alone(lab):
        site = profile.only(chosen(lab, tuple(names), scale, profile))
        with alone(cache_folder()):     # two labs that come up at once start one engine
            found = engine(progress)
            kernel.make_room(progress)
        progress(f"Docker Engine {found.version}")
        made = prepared(lab, site, found, progress)
        subnet = network(lab)
        known = state.load(lab)
        state.save(lab, replace(known, subnet=subnet, lights=known.lights if scale is None else scale))
        keys.keys(lab, (GIT, *(host.name for host in profile.hosts)))
        addresses = {host.name: ip(subnet, host.address) for host in profile.hosts}
        start(lab, site, Site(made, found.cgroups, addresses, ip(subnet, profile.ca_address), progress), subnet)


def chosen(lab: Lab, names: tuple[str, ...], scale: int | None, profile: Profile) -> tuple[str, ...]:
    """Return the hosts that are to be up: the named ones and those that are up already, or all."""
    return tuple(host.name for host in profile.hosts) if not names and scale is None else (*names, *state.load(lab).ports)


def prepared(lab: Lab, profile: Profile, found: Engine, progress: Progress) -> Images:
    """Make the images, and check the kernel before the first host needs it."""
    cache = cache_folder()
    with alone(cache):
        made = images(progress, cache)
        if not all(holds("container", "inspect", lab.container(host.name)) for host in profile.hosts):
            kernel.confirm(server(found.cgroups), made.servers.docker)
        stores(progress, inner(made, profile), found.cgroups, inner(made, SITE))
        if profile.needs(MIRROR):
            releases.releases(cache, made.servers.plain, progress)
    return made


def inner(made: Images, profile: Profile) -> tuple[Images, ...]:
    """List what the engines of a site hold, each combination once."""
    return tuple(made.only(names) for names in dict.fromkeys(host.images for host in profile.hosts if host.docker))


def start(lab: Lab, profile: Profile, site: Site, subnet: str) -> None:
    """Start what serves names, certificates and files, the hosts, and their stacks."""
    if profile.hosts:
        authority.bring_up(lab, site.images, subnet, site.progress)
    if profile.needs(GIT):
        hosts.git_server(lab, site.images, ip(subnet, profile.git_address), site.progress, tree_digest(REPO))
        gitserver.initialise(lab, REPO)
    if profile.needs(MIRROR):
        hosts.mirror_server(lab, site.images, ip(subnet, profile.mirror_address), site.progress, releases.target(cache_folder()))
    ports = hosts.servers(lab, profile, site)
    state.save(lab, replace(state.load(lab), ports=ports))
    lights.lights(lab, site.images.servers.plain, subnet, state.load(lab).lights, site.progress)
    address.write(lab, profile, state.load(lab))
    stacks(lab, profile, site.progress)


def stacks(lab: Lab, profile: Profile, progress: Progress) -> None:
    """Start the stacks; what was broken on purpose is mended before."""
    cloned = [host.name for host in profile.hosts if GIT in host.needs]
    for host in cloned:
        checkout(lab, host)
    mended(lab, progress)
    for host in cloned:
        actions.come_back(lab)
        stack(lab, host, progress)
    for spec in profile.hosts:
        if spec.project:
            project(lab, spec, progress)


def mended(lab: Lab, progress: Progress) -> None:
    """Mend what was broken on purpose: a lab that is up is well."""
    for injected in breaking.in_force(lab):
        progress(f"mending {injected.name}")
        breaking.repair(lab, injected)


def tree_digest(tree: Path) -> str:
    """Tell one state of the config repo's first commit from another."""
    files = [(path.relative_to(tree).as_posix(), path.read_bytes()) for path in contents(tree)]
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16]
