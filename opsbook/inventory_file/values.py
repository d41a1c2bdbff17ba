"""The sections of inventory.yaml as hosts, stacks and services. What this file does not take is an unknown key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from opsbook.inventory import Cadvisor, HostEntry, Inventory, NodeExporter, Opening, Service, Site, Stack, nearest
from opsbook.inventory_file.section import A_NAME, Section, Shape

ADDRESS = Shape("a host name or IP address", re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:_%-]{0,252}"))
USER = Shape("a user name", re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}"))
FOLDER = Shape("an absolute path without ..", re.compile(r"/(?!.*(?:^|/)\.\.(?:/|$)).*"))
PROJECT = Shape("a Compose project name of lower case letters, digits, dashes and underscores", re.compile(r"[a-z0-9][a-z0-9_-]{0,99}"))
PATH = Shape("a path that begins with / and has no spaces", re.compile(r"/\S*"))
PREFIX = Shape("a path such as /prometheus, without a slash at its end", re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)+"))
FILE = Shape("a path that does not begin with a dash", re.compile(r"[^-].*"))
SCHEME = Shape("http or https", re.compile(r"https?"))
KEY = Shape("the name of a variable", re.compile(r"[A-Za-z_][A-Za-z0-9_]*"))
VERSION = Shape("a version such as 1.12.1", re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-rc\.[0-9]+)?"))
SOURCE = Shape("an http or https URL without a slash at its end", re.compile(r"https?://[A-Za-z0-9._~:/%\[\]-]*[A-Za-z0-9._~%\]-]"))
IMAGE = Shape(
    "an image with its tag or digest",
    re.compile(r"[a-z0-9][A-Za-z0-9._/-]*(?::[0-9]+/[A-Za-z0-9._/-]+)?(?::[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})"),
)
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
PUBLIC = Shape("a DNS name in lower case", re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})+"))
LOGIN = Shape("a user name without a colon", re.compile(r"[^-:][^:]*"))
A_PORT = Shape("a port", re.compile(r"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"))
METRIC = Shape("the name of a metric", re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*"))


@dataclass(frozen=True)
class Defaults:
    """What a host has where it says nothing itself."""

    user: str | None
    key: str | None
    missing_user: tuple[str, ...]       # variables that only hosts without a user of their own miss
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """The stacks of the file, and the variables that each of them misses."""

    stacks: Mapping[str, Stack]
    missing: Mapping[str, tuple[str, ...]]


def inventory_of(path: Path, top: Section) -> Inventory:
    """Given the whole file, return the inventory; mistakes are in the section's problems."""
    below = top.section("defaults")
    user, missing_user = below.text("user", USER), tuple(below.missing)
    known_hosts = tuple(_beside(path, name) for name in _known_hosts(below))
    defaults = Defaults(user, _key(path, below), missing_user, tuple(below.missing[len(missing_user):]))
    below.close()
    read = [(_stack(name, section), tuple(section.missing)) for name, section in top.sections("stacks")]
    known = Known({stack.name: stack for stack, _ in read}, {stack.name: missing for stack, missing in read})
    hosts = tuple(_host(path, name, section, defaults, known) for name, section in top.sections("hosts"))
    if not hosts:
        top.complain("hosts", "no host is named")
    top.problems.extend(_jump_mistakes(hosts))
    top.problems.extend(_opening_mistakes(hosts))
    lab, node_exporter, cadvisor = top.text("lab", A_NAME), _node_exporter(top), _cadvisor(top)
    hosts = tuple(replace(host, lab=lab is not None, node_exporter=node_exporter, cadvisor=cadvisor) for host in hosts)
    inventory = Inventory(path, hosts, tuple(known.stacks.values()), lab, known_hosts)
    top.close()
    return inventory


def _host(path: Path, name: str, section: Section, defaults: Defaults, known: Known) -> HostEntry:
    address, port = section.required("address", ADDRESS) or None, section.port("port")
    user, key = section.text("user", USER, defaults.user), _key(path, section) if "key" in section.values else defaults.key
    stack = _stack_of(section, known.stacks)
    jump, roles = section.text("jump", A_NAME), section.texts("roles", A_NAME)
    missing = (
        *section.missing,
        *defaults.missing,
        *(() if "user" in section.values else defaults.missing_user),
        *(known.missing[stack.name] if stack else ()),
    )
    peer_address, openings = section.text("peer_address", ADDRESS, address), _openings(section)
    return HostEntry(
        name,
        address,
        port,
        user,
        key,
        jump,
        stack,
        roles,
        tuple(dict.fromkeys(missing)),
        peer_address=peer_address,
        openings=openings,
    )


def _openings(section: Section) -> tuple[Opening, ...]:
    """Take `open: {serverB: {ports: [9090, 9093]}}`: the ports that are open to those hosts only."""
    found = []
    for source, inner in section.sections("open"):
        found += [Opening(int(port), source) for port in inner.texts("ports", A_PORT)]
    return tuple(found)


def _opening_mistakes(hosts: tuple[HostEntry, ...]) -> Iterator[str]:
    names = [host.name for host in hosts]
    for host in hosts:
        for source in dict.fromkeys(opening.source for opening in host.openings):
            if source not in names:
                yield f'hosts.{host.name}.open.{source}: there is no host "{source}": {nearest(source, names)}'


def _node_exporter(top: Section) -> NodeExporter:
    section, usual = top.section("node_exporter"), NodeExporter()
    taken = NodeExporter(
        version=section.text("version", VERSION) or usual.version,
        port=section.port("port") or usual.port,
        source=section.text("source", SOURCE) or usual.source,
        job=section.text("job") or usual.job,
    )
    section.close()
    return taken


def _cadvisor(top: Section) -> Cadvisor:
    section, usual = top.section("cadvisor"), Cadvisor()
    taken = Cadvisor(section.text("image", IMAGE) or usual.image, section.port("port") or usual.port, section.text("job") or usual.job)
    section.close()
    return taken


def _stack_of(section: Section, stacks: Mapping[str, Stack]) -> Stack | None:
    name = section.text("stack", A_NAME)
    if name is not None and name not in stacks:
        section.complain("stack", f'there is no stack "{name}": {nearest(name, stacks)}')
    return stacks.get(name or "")


def _stack(name: str, section: Section) -> Stack:
    checkout, directory = section.required("checkout", FOLDER), section.required("directory", FOLDER)
    if checkout and directory and not PurePosixPath(directory).is_relative_to(checkout):
        section.complain("directory", f"expected a folder inside {checkout}, got {directory}")
    return Stack(
        name,
        checkout=checkout,
        directory=directory,
        project=section.text("project", PROJECT) or PurePosixPath(directory).name.lower(),
        env_file=section.text("env_file", FILE) or Stack.env_file,
        scrape=section.number("scrape", Stack.scrape),
        evaluation=section.number("evaluation", Stack.evaluation),
        settle=section.number("settle", Stack.settle),
        stable=section.number("stable", Stack.stable),
        services=(services := tuple(_service(service, inner) for service, inner in section.sections("services"))),
        sites=tuple(_site(site, inner, services) for site, inner in section.sections("sites", PUBLIC)),
    )


def _service(name: str, section: Section) -> Service:
    if "port" not in section.values:
        section.complain("port", "is missing")
    username, password_key = section.text("username"), section.text("password_key", KEY)
    if ("username" in section.values) != ("password_key" in section.values):
        section.complain("username", "username and password_key belong together")
    return Service(
        name,
        port=section.port("port") or 0,
        healthy=section.text("healthy", PATH),
        ready=section.text("ready", PATH),
        prefix=section.text("prefix", PREFIX) or "",
        scheme=section.text("scheme", SCHEME) or Service.scheme,
        username=username,
        password_key=password_key,
        inside=section.flag("inside"),
        exporter=section.flag("exporter"),
        job=section.text("job"),
        metrics=section.texts("metrics", METRIC),
    )


def _site(name: str, section: Section, services: tuple[Service, ...]) -> Site:
    service, known = section.required("service", A_NAME), [one.name for one in services]
    if service and service not in known:
        section.complain("service", f'the stack has no service "{service}": {nearest(service, known)}')
    username, password_key = section.text("username", LOGIN), section.text("password_key", KEY)
    if ("username" in section.values) != ("password_key" in section.values):
        section.complain("username", "username and password_key belong together")
    path, port = section.text("path", PATH) or Site.path, section.port("port") or Site.port
    return Site(name, service, username, password_key, path, port)


def _known_hosts(section: Section) -> tuple[str, ...]:
    if isinstance(section.values.get("known_hosts"), list):
        return section.texts("known_hosts", FILE)
    one = section.text("known_hosts", FILE)
    return (one,) if one else ()


def _key(path: Path, section: Section) -> str | None:
    key = section.secret("key")
    return key if key is None or "PRIVATE KEY" in key else str(_beside(path, key))


def _beside(path: Path, name: str) -> Path:
    return path.parent / Path(name).expanduser()


def _jump_mistakes(hosts: tuple[HostEntry, ...]) -> Iterator[str]:
    by_name = {host.name: host for host in hosts}
    for host in hosts:
        if host.jump is not None and host.jump not in by_name:
            yield f'hosts.{host.name}.jump: there is no host "{host.jump}": {nearest(host.jump, by_name)}'
        elif host in _behind(host, by_name):
            yield f"hosts.{host.name}.jump: the jumps lead back to {host.name}"


def _behind(host: HostEntry, by_name: Mapping[str, HostEntry]) -> list[HostEntry]:
    """Return the jump hosts on the way to a host, nearest first; each once, even on a circle."""
    way: list[HostEntry] = []
    at = by_name.get(host.jump or "")
    while at is not None and at not in way:
        way.append(at)
        at = by_name.get(at.jump or "")
    return way
