"""A Compose project that lies on its host as plain files: started, and where it is a Prometheus, seen to know its targets."""

from __future__ import annotations

from opsbook.lab.docker import script
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.profile import HostSpec
from opsbook.lab.projects import where
from opsbook.lab.stack import KNOWS_WITHIN, START, UP_WITHIN, asked
from opsbook.lab.wait import until


def project(lab: Lab, spec: HostSpec, progress: Progress) -> None:
    """Start the project of a host."""
    name = lab.container(spec.name)
    script(name, START, where(spec.project), user="claude-admin", within=UP_WITHIN)
    if "scraper" in spec.roles:
        until("the scraper knows its targets", lambda: not unknown(name), KNOWS_WITHIN, saw=lambda: unknown(name))
    progress(f"{spec.name}: {spec.project} runs")


def unknown(name: str) -> str:
    """Say what the scraper has not found out yet; nothing when it has."""
    targets = [target["health"] for target in asked(name, "targets?state=active").get("activeTargets", ())]
    waiting = targets.count("unknown")
    return f"{len(targets)} targets, {waiting} of them not scraped yet" if waiting or not targets else ""
