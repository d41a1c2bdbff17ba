"""Grafana given a password: over its API, else by its own program in the container; and back again, also when it is away."""

from __future__ import annotations

from dataclasses import replace

from opsbook.check import Seen
from opsbook.errors import Bug, CommandFailed
from opsbook.host import Host
from opsbook.inventory import Service
from opsbook.moves import services
from opsbook.moves.mounts import container_of
from opsbook.shell import Secret
from opsbook.systems.compose import compose
from opsbook.systems.grafana import Grafana, User, reset_password

LOOK_EVERY = 1.0        # seconds between two looks for one that is away


def place(host: Host, service: Service) -> Grafana:
    """Return where it answers now, without any password."""
    if host.locate is None:
        raise Bug("this run cannot reach services")
    return Grafana(service.name, host.locate(host, replace(service, username=None, password_key=None)))


def opens(host: Host, service: Service, password: Secret) -> User | None:
    """Return the user whom this password opens; a wrong one counts towards the lock, so ask it once."""
    return host.read(place(host, service).whoami(service.username, password))


def give(host: Host, service: Service, old: Secret, new: Secret) -> None:
    """Change the password; raise CommandFailed when neither way did."""
    name = service.username or ""
    try:
        host.write(place(host, service).change_password(name, old, new))
    except CommandFailed:
        if opens(host, service, new):
            return      # the answer was lost, not the change
        user = opens(host, service, old)
        if user is None:
            raise
        host.say("Grafana's API did not change it; its own program in the container is tried")
        host.write(reset_password(container_of(host, service.name).id, user, new))


def takes(host: Host, service: Service, password: Secret, refused: Secret) -> Seen:
    """Return whether it takes that password, refuses the other one, and lets nobody in without."""
    grafana = place(host, service)
    if host.read(grafana.whoami()) is not None:
        return Seen(ok=False, saw="Grafana lets everybody in without a password")
    user = host.read(grafana.whoami(service.username, password))
    if user is None or user.login != service.username:
        return Seen(ok=False, saw=f"Grafana refuses it for {service.username}", next=f"opsbook logs {service.name} {host.name}")
    if refused != password and host.read(grafana.whoami(service.username, refused)) is not None:
        return Seen(ok=False, saw="Grafana takes the other one, too")
    return Seen(ok=True, saw=f"{user.login} logs in")


def bring_back(host: Host, service: Service) -> None:
    """Start it where it went away during this run, and wait until it answers; raise CommandFailed when it does not in two starts."""
    for wait in (0.0, host.stack.settle):
        if _answers_within(host, service, wait):
            return
        host.say(f"{service.name} ran when this run began, and does not answer: it is started")
        host.write(compose(host.stack).restart(service.name))
    if not _answers_within(host, service, host.stack.settle):
        seen = services.endpoint_answers(host, service.name)
        raise CommandFailed(f"{service.name} does not come back", saw=seen.saw, next=seen.next, host=host.name)


def _answers_within(host: Host, service: Service, seconds: float) -> bool:
    until = host.clock() + seconds
    while not services.endpoint_answers(host, service.name).ok:
        left = until - host.clock()
        if left <= 0:
            return False
        host.pause(min(LOOK_EVERY, left))
    return True
