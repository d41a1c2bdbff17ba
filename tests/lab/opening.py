"""open-scrape-ports as its operator runs it against a server of the lab."""

from __future__ import annotations

import json

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from tests.lab.process import Ran, opsbook

RUNBOOK, HOST = "open-scrape-ports", "serverA"


def opened(*words: str, host: str = HOST) -> Ran:
    return opsbook("--lab", RUNBOOK, host, f"--confirm={host}", *words, "--json")


def run_id(done: Ran) -> str:
    found: str = json.loads(done.out)["run"]
    return found


def undone(done: Ran, host: str = HOST) -> Ran:
    return opsbook("--lab", "undo", run_id(done), host, f"--confirm={host}")


def writes(done: Ran) -> list[str]:
    """Return the changes that the journal has of the run."""
    events = json.loads(opsbook("history", "show", run_id(done), "--json").out)["events"]
    return [event["title"] for event in events if event["kind"] == "write"]


def on(lab: Lab, host: str, text: str) -> str:
    return script(lab.container(host), text)
