"""Make one service anew, with what the Compose file and .env say now.

When   an environment variable, the image or another setting of a service changed; or one service is stopped or missing.
Risk   mild: the service is away for the seconds that its start takes; the others run on.
Undo   none by itself: put the old value back into .env or the Compose file, and run this again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, so, within
from opsbook.errors import UsageError
from opsbook.host import Host
from opsbook.inventory import nearest
from opsbook.moves import neighbours, preflight, services
from opsbook.moves.one_service import answers, does_not_restart, is_healthy, others_are_untouched, what_it_logged
from opsbook.moves.owing import owed
from opsbook.moves.patience import settle
from opsbook.moves.pending import differing
from opsbook.runbook import SERVICE
from opsbook.systems.compose import compose

ON = "stack"
SENT = "recreated"


@dataclass(frozen=True)
class Params:
    """What to make anew."""

    service: Annotated[str, SERVICE, "the service to make anew"]
    force: Annotated[bool, "also when nothing differs"] = False


def look(host: Host, p: Params) -> None:
    """Confirm that the settings are complete, and name those that differ."""
    project = preflight.expect_complete_project(host)
    if p.service not in project.services:
        raise UsageError(f"the Compose file has no service {p.service}", next=nearest(p.service, project.services), host=host.name)
    only = [project.services[p.service]]
    preflight.expect_private_env(host)
    preflight.expect_filled_files(host, only)
    preflight.expect_free_ports(host, only)
    neighbours.remember(host, p.service)
    if reason := differing(host, p.service):
        host.say(f"{p.service} {reason}")


def recreate(host: Host, p: Params) -> None:
    """Replace the service's container by one with the settings of today."""
    force = p.force and not host.run.kept.get(SENT)
    if force or not so(host, runs_what_the_file_says, p):
        project = compose(host.stack)
        with owed(host, f"bring-up-{p.service}", project.up(p.service, no_deps=True)):
            host.write(project.up(p.service, no_deps=True, force_recreate=force))
            host.keep(**{SENT: True})


def runs_what_the_file_says(host: Host, p: Params) -> Seen:
    """The service runs, with the settings and the image of the Compose file and .env."""
    reason = differing(host, p.service)
    return Seen(not reason, saw=f"{p.service} {reason or 'differs in nothing'}", next=f"opsbook logs {p.service} {host.name}")


def is_as_new_as_asked(host: Host, p: Params) -> Seen:
    """The service was started during this run, if this run made it anew."""
    if host.run.kept.get(SENT):
        return services.has_started_anew(host, p.service)
    return Seen(ok=True, saw="this run had nothing to make anew")


STEPS = (look, recreate)
PROOF = (
    runs_what_the_file_says,
    is_as_new_as_asked,
    within(settle, is_healthy),
    within(settle, answers),
    does_not_restart,
    others_are_untouched,
)
EVIDENCE = (what_it_logged,)
