"""Settings of the stack's services that work until the day they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsbook.doctor.facts import Facts
from opsbook.findings.finding import Finding
from opsbook.systems.container import Container
from opsbook.systems.versions import is_of, tag, version

OPEN_TO_ALL = frozenset({80, 443})
ANONYMOUS = re.compile("[0-9a-f]{64}")
SHELL_TOOLS = re.compile(r"\b(wget|curl|sh|bash|busybox)\b")
DIRECTIVE = re.compile(r"^\s*(basicauth|basic_auth)\b", re.MULTILINE)
RENAMED = (2, 8)                    # Caddy calls it basic_auth from here on
NO_SHELL = (3, 6)                   # images of Loki from here on have no program but Loki
READS_V3 = (0, 37)                  # the first Thanos that talks to Prometheus 3


def images(f: Facts) -> Iterator[Finding]:
    """Images without a version, and software that nobody maintains."""
    loose = sorted(found.service for found in f.own if tag(found) == "latest" and "/" in found.image)
    if loose:
        what = f"images without a version: {', '.join(loose)}"
        yield Finding("warn", what, "the next pull may bring anything", "name a version in the Compose file")
    for found in f.own:
        if is_of(found, "promtail"):
            saw = "its end of life was 2 March 2026; Alloy takes over: alloy convert --source-format=promtail"
            yield Finding("warn", f"{found.service} is no longer maintained", saw)
        if is_of(found, "cadvisor"):
            yield from _cadvisor(f, found)


def ports(f: Facts) -> Iterator[Finding]:
    """Ports that are open to the world: Docker publishes them past UFW."""
    for found in f.machine.containers or ():
        numbers = sorted({port.public for port in found.ports if not port.address} - OPEN_TO_ALL)
        if numbers:
            listed = ", ".join(map(str, numbers))
            saw = f"published on every address, and past the firewall: {listed}"
            yield Finding("bad", f"{found.name} is open to the world", saw, f'ports: ["127.0.0.1:{numbers[0]}:…"] in the Compose file')


def mounts(f: Facts) -> Iterator[Finding]:
    """Single files that are mounted: git replaces a file, and the container keeps the old one."""
    stack = f.entry.stack
    inside = f"{stack.directory}/" if stack else ""
    found = [(one.service, mount.source) for one in f.own for mount in one.mounts if mount.source in f.single_files]
    if of_checkout := sorted({(service, path) for service, path in found if path.startswith(inside)}):
        saw = "\n".join(f"{service}: {path.removeprefix(inside)}" for service, path in of_checkout)
        remedy = f"opsbook restart-service SERVICE {f.host}    (after a change; or mount the folder)"
        yield Finding("note", "single files are mounted: after a pull their service still sees the old ones", saw, remedy)


def loki(f: Facts) -> Iterator[Finding]:
    """A health check by a program that the image does not have."""
    found = f.service("loki")
    if found is not None and version(tag(found)) >= NO_SHELL and SHELL_TOOLS.search(" ".join(found.health_test)):
        saw = f"{tag(found)} has neither shell nor wget, the check is: {' '.join(found.health_test)}"
        remedy = "drop the healthcheck in the Compose file"
        yield Finding("bad", "Loki's health check cannot work: it stays unhealthy for ever", saw, remedy)


def caddy(f: Facts) -> Iterator[Finding]:
    """The name of a directive that changed with a version."""
    found, words = f.service("caddy"), set(DIRECTIVE.findall(f.caddyfile or ""))
    if found is None or not words or not (number := version(tag(found))):
        return
    if number < RENAMED and "basic_auth" in words:
        yield Finding("bad", f"Caddy {tag(found)} does not know `basic_auth`: it would not start again", "", "basicauth in the Caddyfile")
    elif number >= RENAMED and "basicauth" in words:
        yield Finding("note", f"Caddy {tag(found)} calls `basicauth` deprecated", next="basic_auth in the Caddyfile")


def alertmanager(f: Facts) -> Iterator[Finding]:
    """Silences that go with the container."""
    found = f.service("alertmanager")
    if found is None:
        return
    path = flags(found).get("storage.path") or "/alertmanager"
    kept = [mount for mount in found.mounts if f"{path}/".startswith(f"{mount.destination.rstrip('/')}/")]
    if not any(mount.type == "bind" or (mount.volume and not ANONYMOUS.fullmatch(mount.volume)) for mount in kept):
        saw = f"no volume that lasts is mounted at {path}"
        yield Finding("warn", "Alertmanager keeps its silences in the container", saw, "a volume in the Compose file")


def _cadvisor(f: Facts, found: Container) -> Iterator[Finding]:
    if "gcr.io/" in found.image and "ghcr.io/" not in found.image:
        yield Finding("warn", f"{found.service} comes from a registry that gets no new versions", found.image, "ghcr.io/google/cadvisor")
    if (f.driver or "").startswith("overlayfs") and version(tag(found)) < (0, 56, 2):
        saw = f"{tag(found)} with the image store {f.driver}: it sees no containers"
        yield Finding("bad", f"{found.service} is too old for this Docker", saw, "0.56.2 or newer in the Compose file")


def flags(found: Container) -> dict[str, str]:
    """Return the flags of the container's command by name, one that stands alone as `true`."""
    pairs = (word.lstrip("-").partition("=") for word in found.command if word.startswith("-"))
    return {name: value if sign else "true" for name, sign, value in pairs}
