"""What the tests of the host lcx share: its files, who is let in, and a run below the runner whose proofs can be asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from opsbook.check import Check, Seen, look_once
from opsbook.host import Host
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.runbook import Runbook
from opsbook.systems.dotenv import parse_env
from tests.lab.open_host import open_host
from tests.runbooks.checkout_site import book
from tests.test_host_secrets import FakeHands

LCX = "lcx"
HASTE = 6       # so much faster than the real one runs the clock of a check that ought to be red
FILES = """
cd /opt/lcx
find . -path ./.git -prune -o -path ./origin.git -prune -o -type f -printf '%u %g %m %p\\n' | sort
find . -path ./.git -prune -o -path ./origin.git -prune -o -type f -print0 | sort --zero-terminated | xargs --null sha256sum
ls -A ~claude-admin/.local/share/opsbook/ca/lcx 2>/dev/null || true
"""
STARTED = "docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}' $(docker ps --quiet) | sort"
ASK = """
printf 'user = "%s"\\n' "$2" | curl --silent --insecure --config - --output /dev/null --write-out '%{http_code}' "https://127.0.0.1:$1/-/ready"
"""
PORTS = {"prometheus": "9090", "alertmanager": "9093"}


def on_lcx(lab: Lab, text: str, *values: str, user: str = "root") -> str:
    """Run a script on the host, beside ssh."""
    return script(lab.container(LCX), text, *values, user=user)


def files(lab: Lab) -> str:
    """Return owner, mode and content of every file of the stack."""
    return on_lcx(lab, FILES)


def started(lab: Lab) -> str:
    """Return which containers run, and since when."""
    return on_lcx(lab, STARTED)


def env(lab: Lab) -> dict[str, str]:
    """Return the variables of the stack's `.env`."""
    return parse_env(on_lcx(lab, "cat /opt/lcx/.env"))


def answer(lab: Lab, service: str, password: str) -> str:
    """Return the status that the service gives with that password."""
    return on_lcx(lab, ASK, PORTS[service], f"admin:{password}".replace("\\", "\\\\").replace('"', '\\"'))


@contextmanager
def done(lab: Lab, name: str, given: Mapping[str, Any], secret: str = "") -> Iterator[tuple[Host, Any, Runbook]]:
    """Run the steps of a runbook over real SSH; yield host, parameters and runbook, so that its sentences can be asked."""
    found = book(name)
    p = found.params(**given)
    with open_host(lab, LCX) as opened:
        host = replace(opened, hands=FakeHands(secret))
        host.run.started = host.now()
        for step in found.steps:
            step(host, p)
        yield host, p, found


def red(host: Host, p: Any, checks: Iterable[Check[Any]], only: Collection[str] = ()) -> dict[str, Seen]:
    """Return the sentences that are not true now, by name, of these names where some are given; a wait is cut short."""
    begun = host.clock()
    hasty = replace(host, clock=lambda: begun + HASTE * (host.clock() - begun), _remembered={})
    seen = {check.__name__: look_once(hasty, check, p) for check in checks if not only or check.__name__ in only}
    return {name: one for name, one in seen.items() if not one.ok}
