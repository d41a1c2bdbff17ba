"""What the tests of the stack's runbooks share: the services as they are, and an inventory that waits for less."""

from __future__ import annotations

import re
from pathlib import Path

from opsbook.lab.lab import Lab
from tests.lab.process import Terminal, run_and_kill
from tests.lab.reach import on_vps

STATES = """
docker ps --all --filter label=com.docker.compose.project=monitoring \
    --format '{{.Label "com.docker.compose.service"}} {{.State}}' | sort
"""
STARTED = "docker inspect --format '{{.State.StartedAt}}' \"monitoring-%s-1\""
SERVICES = 10


def states(lab: Lab) -> dict[str, str]:
    """Return the state of every service's container."""
    return dict(line.split() for line in on_vps(lab, STATES).splitlines())


def all_run(lab: Lab) -> bool:
    """Return whether every service of the stack runs."""
    return list(states(lab).values()) == ["running"] * SERVICES


def started(lab: Lab, service: str) -> str:
    """Return since when the service's container runs."""
    return on_vps(lab, STARTED % service).strip()


def impatient(lab: Lab, folder: Path, settle: int = 5) -> tuple[str, str]:
    """Return the option for an inventory of the lab that waits only so long for a service to come up."""
    text, count = re.subn(r"settle: \d+", f"settle: {settle}", lab.inventory.read_text())
    assert count
    (folder / "inventory.yaml").write_text(text)
    return "--inventory", str(folder / "inventory.yaml")


def killed_at_every_prompt(lab: Lab, *words: str) -> tuple[int, str]:
    """Kill the run at its first prompt, the run that resumes it at its second, and so on, until one ends by itself.

    Return how many were killed, and what the last one printed.
    """
    killed = 0
    while True:
        ended_early, seen = run_and_kill((*words, "--wait", "30"), killed + 1, {})
        if not ended_early:
            return killed, seen
        killed += 1


def killed_when(shown: str, *words: str) -> None:
    """Kill the run as soon as it shows this, with its next write on the way."""
    terminal = Terminal((*words, "--yes")).start()
    assert terminal.until(lambda new: shown in new), terminal.seen
    terminal.kill()
    terminal.end()


def skipping(title: str, *words: str) -> tuple[int, str]:
    """Run with `--step`, skip the step of that title, and answer every other question with yes; return code and what was shown."""
    terminal = Terminal((*words, "--step")).start()
    while terminal.prompt():
        asked = terminal.seen.splitlines()[-1]
        terminal.answer("s" if title in asked and "skip" in asked else "because" if "why?" in asked else "y")
    return terminal.end(), terminal.seen
