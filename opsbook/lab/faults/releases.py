"""Faults of where an exporter comes from, and of who scrapes it."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.errors import UsageError
from opsbook.lab import mirror, running, state
from opsbook.lab.docker import holds, script
from opsbook.lab.faults.actions import run
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.making.releases import CORRUPT, SUITES, SUMS
from opsbook.lab.profile import SITE
from opsbook.lab.state import Injected

SCRAPER = "serverF"
# The first two digits of each sum are others now.
SPOIL = 'cp --no-clobber "$1" "$1.kept"; sed --in-place "s/^\\(..\\)/$(cut --characters=3-4 "$1.kept" | head --lines=1)/" "$1"'
RESTORE = 'if [ -e "$1.kept" ]; then mv "$1.kept" "$1"; fi'
STOP = 'docker stop --time=5 "$1" >/dev/null'
PROMETHEUS = "monitoring-prometheus-1"


def spoil(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Change the sums of a version."""
    script(lab.container(mirror.NAME), SPOIL, sums(args))
    return {}


def restore(lab: Lab, injected: Injected) -> None:
    """Put the right sums back."""
    script(lab.container(mirror.NAME), RESTORE, sums(injected.args))


def sums(args: tuple[str, ...]) -> str:
    """Return where the sums of a version lie on the mirror."""
    return f"{mirror.FOLDER}{mirror.RELEASES}/v{args[0] if args else mirror.NEWEST}/{SUMS}"


def is_offered(lab: Lab, args: tuple[str, ...]) -> None:
    """Refuse a version that the mirror does not have, and a lab without a mirror."""
    if args and args[0] not in (*SUITES, CORRUPT):
        raise UsageError(f"the mirror has no version {args[0]}", saw=f"it has {', '.join((*SUITES, CORRUPT))}")
    if not holds("container", "inspect", lab.container(mirror.NAME)):
        raise UsageError("the lab has no mirror", next="opsbook lab up serverA")


def stop_mirror(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Let it refuse connections; its files stay."""
    script(lab.container(mirror.NAME), mirror.STOP)
    return {}


def start_mirror(lab: Lab, _: Injected) -> None:
    """Let it serve again."""
    script(lab.container(mirror.NAME), mirror.SERVE)


def stop_scraper(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Stop the Prometheus that scrapes the servers."""
    run(lab, STOP, PROMETHEUS, host=SCRAPER)
    return {}


def start_scraper(lab: Lab, _: Injected) -> None:
    """Start it, and wait until it knows its targets."""
    if spec := SITE.host(SCRAPER):
        running.project(lab, spec, lambda _: None)


def has_scraper(lab: Lab, _: tuple[str, ...]) -> None:
    """Refuse where the scraper is not up."""
    if SCRAPER not in state.load(lab).ports:
        raise UsageError(f"the lab has no host {SCRAPER}", next=f"opsbook lab up {SCRAPER}")


FAULTS = (
    Fault(
        "wrong-checksum",
        "the mirror's sums of a node_exporter version are not those of its files",
        spoil,
        restore,
        "[VERSION]",
        most=1,
        usual=(mirror.NEWEST,),
        confirm=is_offered,
    ),
    Fault("mirror-down", "the mirror with node_exporter's releases refuses connections", stop_mirror, start_mirror, confirm=is_offered),
    Fault("scraper-down", "the Prometheus that scrapes the servers is stopped", stop_scraper, start_scraper, confirm=has_scraper),
)
