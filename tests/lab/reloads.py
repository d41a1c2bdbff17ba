"""What the tests of both reloads share: the run itself, its proof asked one by one, and its operator killed at every prompt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from opsbook.check import look_once
from opsbook.lab import gitserver
from opsbook.lab.lab import Lab
from tests.fake import a_run
from tests.lab.open_host import open_host
from tests.lab.process import Ran, opsbook, run_and_kill
from tests.lab.reach import VPS, on_vps
from tests.runbooks.checkout_site import book

CHECKOUT = "/opt/p24-infra"


def head(lab: Lab) -> str:
    return on_vps(lab, f"git -C {CHECKOUT} rev-parse HEAD").strip()


def edit(lab: Lab, script: str) -> None:
    """Do something by hand in the stack's directory."""
    on_vps(lab, f"cd {CHECKOUT}/monitoring && {script}")


def ran(*words: str) -> Ran:
    return opsbook("--lab", *words)


def run_id(done: Ran) -> str:
    """Return the id that the last line names for the undo."""
    return done.text.split("to take it back: ")[1].split(" undo ")[1].split()[0]


def asked(lab: Lab, path: str, port: int = 9090) -> Any:
    """Ask an API on the host, beside opsbook."""
    return json.loads(on_vps(lab, f"curl --fail --silent http://127.0.0.1:{port}{path}"))


def red(lab: Lab, name: str, kept: Mapping[str, Any] | None = None, **params: Any) -> dict[str, str]:
    """Ask every sentence of the proof once; return what those saw that are not true, by name."""
    runbook = book(name)
    with open_host(lab, run=a_run(runbook=name)) as host:
        host.run.kept.update(kept or {})
        once = {check.__name__: getattr(check, "__wrapped__", check) for check in runbook.proof}
        seen = {each: look_once(host, check, runbook.params(**params)) for each, check in once.items()}
    return {each: one.saw for each, one in seen.items() if not one.ok}


def kill_at_every_prompt(lab: Lab, name: str, files: Mapping[str, str], holds: Callable[[], bool]) -> int:
    """Kill the operator at the first, second, … prompt, and run again each time; return how many prompts there were.

    The rerun ends proven, and an undo of what it closed leads back to before the killed run.
    """
    old, prompt = head(lab), 0
    while True:
        prompt += 1
        gitserver.commit(lab, files, "what comes")
        killed, seen = run_and_kill(("--lab", name, VPS), prompt, {})
        if not killed:
            return prompt - 1
        again = ran(name, VPS, "--yes", "--wait", "20")
        assert (again.code, holds()) == (0, True), f"killed at prompt {prompt}\n{seen}\n{again.text}"
        undone = ran("undo", run_id(again), VPS, "--yes")
        assert (undone.code, head(lab), holds()) == (0, old, False), f"killed at prompt {prompt}\n{again.text}\n{undone.text}"
