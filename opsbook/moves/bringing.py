"""A release of node_exporter on its way to a host: fetched by the host itself, or by the operator's machine and sent."""

from __future__ import annotations

from opsbook.errors import Refused
from opsbook.host import Host, Upload
from opsbook.systems import release as releases
from opsbook.systems.release import ARCHITECTURES, NO_TOOL, NOT_FETCHED, NOT_LISTED, Release


def wanted(host: Host, version: str | None) -> Release:
    """Return the release that fits the host; raise Refused where upstream builds none for its machine."""
    machine, spec = host.recall(releases.machine()), host.entry.node_exporter
    if machine not in ARCHITECTURES:
        raise Refused(f"upstream builds nothing for {machine}", saw=f"it knows {', '.join(sorted(ARCHITECTURES))}", host=host.name)
    return Release(version or spec.version, ARCHITECTURES[machine], spec.source)


def command(host: Host, release: Release, *flags: str) -> str:
    """Return the command line that installs this very version, also where it is not the inventory's."""
    version = () if release.version == host.entry.node_exporter.version else (f"--version={release.version}",)
    return " ".join(("opsbook install-node-exporter", *version, *flags, host.name))


def fetch(host: Host, release: Release) -> str:
    """Let the host fetch it; return the sum that was right. Raise Refused when it cannot be had."""
    if release.source.startswith("http:"):
        host.say(f"note: {release.source} is no https: its checksums show what broke on the way, and not who wrote them")
    found = host.read(release.fetch())
    if found.code:
        raise _no(host, release, found.code, found.err.strip())
    host.say(f"{release.name} has the checksum that {release.folder} says")
    return found.out.strip()


def upload(host: Host, release: Release) -> str:
    """Fetch it here, once for all hosts, and send it; return its sum. Raise Refused when it cannot be had."""
    fetched = host.fetched(release.folder, release.name)
    if fetched.note:
        host.say(f"note: {fetched.note}")
    if host.read(release.ready()) == fetched.sha256:
        host.say(f"{release.name} lies ready on the host", already=True)
    else:
        host.write(releases.send(Upload(fetched.path, release.sent_to(host.read(releases.staging())))))
        host.write(release.accept(fetched.sha256))
    return fetched.sha256


def _no(host: Host, release: Release, code: int, saw: str) -> Refused:
    again = command(host, release, "--upload")
    if code == NOT_LISTED:
        return Refused(f"{release.folder} has no {release.name}", saw=saw, next="is it a version that was released?", host=host.name)
    if code == NO_TOOL:
        return Refused("the host has nothing to fetch with", saw=saw, next=again, host=host.name)
    if code == NOT_FETCHED:
        return Refused(f"the host cannot fetch {release.name}", saw=saw, next=f"{again} (fetches it here, and sends it)", host=host.name)
    fix = "node_exporter.source in the inventory: who has changed it there?"
    return Refused(f"{release.name} has the wrong checksum", saw=saw, next=fix, host=host.name)
