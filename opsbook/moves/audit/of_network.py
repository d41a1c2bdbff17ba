"""What the host shows to the world: its firewall, the ports it listens on, and those that Docker publishes around the firewall."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from opsbook.findings.finding import Finding
from opsbook.findings.ports import opens
from opsbook.moves.audit.facts import UFW_CONF, Facts
from opsbook.systems import ssh_ports, ufw
from opsbook.systems.addresses import OUTSIDER, OUTSIDER_V6
from opsbook.systems.container import Container, Port
from opsbook.systems.docker_networks import is_loopback
from opsbook.systems.root_view import Told
from opsbook.systems.sockets import Socket, program_of
from opsbook.systems.ufw import Firewall
from opsbook.systems.versions import version

FOR_ALL = frozenset({80, 443})      # and SSH's own
SSH = 22
CLOSED = frozenset({"deny", "reject"})
KEEPS_LOOPBACK = (28,)              # before, neighbours on the same wire reach what is published on 127.0.0.1
DOCKER_USER = "docker-user"
OFF = re.compile(r"^ENABLED=no\b", re.MULTILINE | re.IGNORECASE)


def firewall(f: Facts) -> Iterator[Finding]:
    """A firewall that is off, or lets in what no rule speaks of, or leaves IPv6 alone."""
    found, remedy = standing(f), opens(f.host, f.entry.roles, denies=False)
    if found is None and OFF.search(f.ufw_conf or "") is None:
        yield f.unjudged("whether the firewall is on", "root", *ufw.VIEW)
    elif found is None or not found.active:
        yield Finding("bad", "the firewall is off", "Status: inactive" if found else f"ENABLED=no in {UFW_CONF}", remedy)
    elif found.incoming not in CLOSED:
        yield Finding("bad", "the firewall lets in what no rule speaks of", f"Default: {found.incoming} (incoming)", remedy)
    elif f.ufw_defaults is None:
        yield f.unjudged("whether the firewall guards IPv6", "ufw_defaults")
    elif not ufw.covers_ipv6(f.ufw_defaults):
        fix = f"IPV6=yes there, then ufw reload    (as root on {f.host})"
        yield Finding("bad", "the firewall leaves IPv6 alone", f"no IPV6=yes in {ufw.DEFAULTS}", fix)
    else:
        yield Finding("ok", "the firewall is on, and refuses what no rule lets in", f"Default: {found.incoming} (incoming)")


def listeners(f: Facts) -> Iterator[Finding]:
    """Programs of the host that everybody reaches, besides sshd and the web server."""
    found, published = standing(f), {(port.public, port.protocol) for _, port in _published(f)}
    if f.sockets is None or found is None:
        yield f.unjudged("which ports everybody reaches", *(("sockets",) if f.sockets is None else ("root", *ufw.VIEW)))
        return
    shown = [one for one in f.sockets if not one.loopback and (one.port, one.protocol) not in published]
    odd = [one for one in shown if one.port not in FOR_ALL | _ssh(f) and _everybody(found, one)]
    if odd:
        saw = "\n".join(sorted({f"{one.protocol} {one.port}{_program(f, one)}" for one in odd}))
        remedy = f"{opens(f.host, f.entry.roles, denies=found.denies)}    (or stop them)"
        yield Finding("bad", "programs listen where everybody reaches them", saw, remedy)
    else:
        yield Finding("ok", "everybody reaches SSH and the web server at most", f"of {len(shown)} that are not the host's own")


def published(f: Facts) -> Iterator[Finding]:
    """Ports that Docker publishes to everybody: its rules come before those of UFW."""
    if not f.has_docker:
        return
    if f.containers is None:
        yield f.unjudged("which ports Docker publishes", "containers")
        return
    restricted = {int(one.split()[0]) for one in ufw.parse_published(Told(0, f.told(DOCKER_USER) or ""))}
    odd = [(one, port) for one, port in _published(f) if port.public not in FOR_ALL | restricted and not is_loopback(port)]
    if odd:
        saw = "\n".join(f"{one.name}: {port.address or 'every address'} port {port.public}/{port.protocol}" for one, port in odd)
        fix = f'ports: ["127.0.0.1:{odd[0][1].public}:{odd[0][1].private}"] in the Compose file, then {f.up}'
        yield Finding("bad", "Docker publishes ports around the firewall", saw, fix)
    else:
        yield Finding("ok", "containers are bound to loopback, or to 80 and 443")
        yield from _neighbours(f)


def standing(f: Facts) -> Firewall | None:
    """Return how UFW stands; nothing where it was not told."""
    if any(f.told(one) is None for one in ufw.VIEW):
        return None
    return ufw.parse_firewall(f.root or {})


def _neighbours(f: Facts) -> Iterator[Finding]:
    local = [port.public for _, port in _published(f) if is_loopback(port)]
    if f.engine is not None and local and version(f.engine.version) < KEEPS_LOOPBACK:
        saw = f"Docker {f.engine.version}; ports {', '.join(map(str, sorted(set(local))))}"
        yield Finding("note", "neighbours on the same wire reach ports that are published on 127.0.0.1", saw, "Docker 28 or newer")


def _published(f: Facts) -> tuple[tuple[Container, Port], ...]:
    return tuple((one, port) for one in f.containers or () for port in one.ports)


def _everybody(found: Firewall, one: Socket) -> bool:
    """Return whether an address of nobody's gets through to that socket."""
    rules = found.rules if one.protocol == "tcp" else tuple(replace(rule, protocol="tcp") for rule in found.rules if rule.protocol != "tcp")
    same = replace(found, rules=rules)      # UFW's own reader knows TCP only
    return not found.active or any(_lets_in(same, one.port, source) for source in (OUTSIDER, OUTSIDER_V6))


def _lets_in(found: Firewall, port: int, source: str) -> bool:
    first = found.first(port, source)
    return first.opens if first is not None else found.incoming not in CLOSED


def _ssh(f: Facts) -> frozenset[int]:
    if any(f.told(one) is None for one in ssh_ports.VIEW):
        return frozenset({SSH})
    return frozenset(ssh_ports.parse_ports(f.root or {}))


def _program(f: Facts, one: Socket) -> str:
    """Return which program it is, where root has told."""
    found = program_of(f.told("listening") or "", one.protocol, one.port)
    return f" ({found.name})" if found else ""
