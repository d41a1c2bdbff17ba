"""Bring the whole stack up, and prove that each service does its work.

When   after a deployment or a reboot, or when services are missing; safe to run again at any time.
Risk   mild: a service whose settings changed is away for the seconds that its start takes; these are named before.
Undo   none by itself: put the old settings back into .env or the Compose file, and run this again.
"""

from __future__ import annotations

from opsbook.check import Seen, so, within
from opsbook.counted import counted
from opsbook.errors import CommandFailed
from opsbook.host import Host
from opsbook.moves import exporters, preflight, services, whole_stack, working
from opsbook.moves.owing import owed
from opsbook.moves.patience import settle, settle_and_scrape
from opsbook.moves.pending import pending
from opsbook.runbook import NoParams
from opsbook.systems.compose import compose

ON = "stack"


def look(host: Host, p: NoParams) -> None:
    """Check what a start needs, and name what would be created, started or made anew."""
    preflight.expect_private_env(host)
    project = preflight.expect_complete_project(host)
    preflight.expect_filled_files(host, project.services.values())
    preflight.expect_free_ports(host, project.services.values())
    preflight.expect_room(host)
    for service, reason in pending(host).items():
        host.say(f"{service} {reason}")


def up(host: Host, p: NoParams) -> None:
    """Create, start or make anew what is not as the Compose file and .env say."""
    if so(host, runs_what_the_files_say, p):
        return
    change = compose(host.stack).up()
    with owed(host, "bring-up-the-stack", change):
        try:
            host.write(change)
        except CommandFailed as failed:
            down = whole_stack.down(host)
            raise CommandFailed(failed.what, saw=f"{failed.saw}\n{down.saw}", next=down.next or failed.next, host=host.name) from None


def runs_what_the_files_say(host: Host, p: NoParams) -> Seen:
    """Every service runs, with the settings and the image of the Compose file and .env."""
    found = pending(host)
    saw = "\n".join(f"{service} {reason}" for service, reason in found.items()) or "nothing differs"
    return Seen(not found, saw, next=f"opsbook status {host.name}")


def is_healthy(host: Host, p: NoParams) -> Seen:
    """Every service is healthy."""
    return whole_stack.is_healthy(host)


def every_service_is_healthy(host: Host, p: NoParams) -> Seen:
    """Every service is healthy."""
    seen = within(settle, is_healthy)(host, p)
    return seen if seen.ok else whole_stack.down(host)


def every_endpoint_answers(host: Host, p: NoParams) -> Seen:
    """Every service answers at its own endpoint."""
    seen = {service.name: services.endpoint_answers(host, service.name) for service in host.stack.services}
    failed = {name: one for name, one in seen.items() if not one.ok}
    saw = "\n".join(f"{name}: {one.saw}" for name, one in failed.items()) or counted(len(seen), "service")
    return Seen(bool(seen) and not failed, saw, next=next((one.next for one in failed.values()), ""))


def prometheus_runs_its_rules(host: Host, p: NoParams) -> Seen:
    """Prometheus runs the rules that its configuration names."""
    return working.works(host, ["prometheus"])


def every_service_is_scraped(host: Host, p: NoParams) -> Seen:
    """Prometheus scrapes every service that it should."""
    return working.targets_are_up(host)


def alerts_find_a_receiver(host: Host, p: NoParams) -> Seen:
    """Alertmanager runs its configuration, and Prometheus sends to it."""
    return working.works(host, ["alertmanager"])


def logs_arrive(host: Host, p: NoParams) -> Seen:
    """Loki takes a new line and finds it again, and Promtail sends."""
    return working.works(host, ["loki", "promtail"])


def thanos_is_connected(host: Host, p: NoParams) -> Seen:
    """The Thanos sidecar reaches Prometheus, and the query reaches a store."""
    return working.works(host, ["thanos-sidecar", "thanos-query"])


def the_outside_is_served_and_probed(host: Host, p: NoParams) -> Seen:
    """Caddy serves, and the blackbox exporter gets an answer to a real probe."""
    return working.works(host, ["caddy", "blackbox-exporter"])


def exporters_offer_their_metrics(host: Host, p: NoParams) -> Seen:
    """Every exporter offers its metrics by name."""
    seen = {one.name: exporters.offers_its_metrics(host, one.name) for one in host.stack.services if one.exporter}
    failed = [name for name, one in seen.items() if not one.ok]
    saw = "\n".join(f"{name}: {seen[name].saw}" for name in failed or seen) or "this stack has none"
    return Seen(not failed, saw, next=next((seen[name].next for name in failed), ""))


def no_service_restarts(host: Host, p: NoParams) -> Seen:
    """No service restarts while they are watched."""
    return whole_stack.is_stable(host)


def what_fails(host: Host, p: NoParams) -> str:
    """The services that are down, with their last log lines."""
    return whole_stack.down(host, lines=20).saw


STEPS = (look, up)
PROOF = (
    runs_what_the_files_say,
    every_service_is_healthy,
    within(settle, every_endpoint_answers),
    within(settle, prometheus_runs_its_rules),
    within(settle_and_scrape, every_service_is_scraped),
    within(settle, alerts_find_a_receiver),
    within(settle, logs_arrive),
    within(settle, thanos_is_connected),
    within(settle_and_scrape, the_outside_is_served_and_probed),
    within(settle, exporters_offer_their_metrics),
    no_service_restarts,
)
EVIDENCE = (what_fails,)
