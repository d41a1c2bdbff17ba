"""Restart one service.

When   a service hangs or leaks, or shows an old file that was replaced under it; changed settings want recreate-service.
Risk   mild: the service is away for the seconds that its start takes; the others run on.
Undo   none needed: the same container starts again, with the same settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, so, within
from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves import neighbours, services
from opsbook.moves.one_service import answers, does_not_restart, is_healthy, others_are_untouched, what_it_logged
from opsbook.moves.owing import owed
from opsbook.moves.patience import settle
from opsbook.runbook import SERVICE
from opsbook.systems.compose import compose

ON = "stack"
SENT = "restarted"


@dataclass(frozen=True)
class Params:
    """What to restart."""

    service: Annotated[str, SERVICE, "the service to restart"]


def look(host: Host, p: Params) -> None:
    """Confirm that the service runs, and remember the others."""
    services.expect_own_project(host)
    found = services.container(host, p.service)
    if found is None or not (found.running or found.status == "restarting"):
        saw = f"{p.service} is {found.state}" if found else f"{p.service} has no container"
        again = f"opsbook recreate-service {p.service} {host.name}"
        raise Refused("there is nothing to restart", saw=saw, next=f"{again} (creates or starts it)", host=host.name)
    neighbours.remember(host, p.service)
    host.say(f"{p.service} is {found.state}, restarts by itself: {found.restarts}")


def restart(host: Host, p: Params) -> None:
    """Restart the service's container."""
    if not so(host, has_started_anew, p):
        project = compose(host.stack)
        with owed(host, f"start-{p.service}", project.start(p.service), about=f"restart {p.service}"):
            host.write(project.restart(p.service))
            host.keep(**{SENT: True})


def has_started_anew(host: Host, p: Params) -> Seen:
    """The service was restarted by this run."""
    if not host.run.kept.get(SENT):     # a start alone proves nothing: Docker, too, restarts what crashes
        return Seen(ok=False, saw="this run has not restarted it yet")
    return services.has_started_anew(host, p.service)


STEPS = (look, restart)
PROOF = (has_started_anew, within(settle, is_healthy), within(settle, answers), does_not_restart, others_are_untouched)
EVIDENCE = (what_it_logged,)
