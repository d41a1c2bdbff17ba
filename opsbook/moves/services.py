"""Services of the stack: kept stopped for a moment, and known to be up again. The checks take the service's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from opsbook.check import Seen
from opsbook.errors import CommandFailed, OpsbookError, Refused
from opsbook.host import Host, Read
from opsbook.shell import Command
from opsbook.systems import docker
from opsbook.systems.answers import whole
from opsbook.systems.compose import compose, other_owners
from opsbook.systems.container import Container, of
from opsbook.watch.debts import debt, paid
from opsbook.web import Request

LOOK_EVERY = 1.0                        # seconds between two looks at a restart count
ANY_STATUS = frozenset(range(100, 600))
OK = 200
WIDEST = 160                            # so much of a log line


def container(host: Host, service: str) -> Container | None:
    """Return the service's container as it is now."""
    return of(host.read(docker.containers(host.stack.project)), service)


def expect_own_project(host: Host) -> None:
    """Raise Refused when another directory's Compose file owns containers of this project's name."""
    others = other_owners(host.stack.directory, host.recall(docker.containers(host.stack.project)))
    if others:
        raise Refused(
            f"the Compose project {host.stack.project} belongs to another directory",
            saw="\n".join(others),
            next=f"stop that one, or say its directory in the inventory (now {host.stack.directory})",
            host=host.name,
        )


@contextmanager
def stopped(host: Host, service: str) -> Iterator[None]:
    """Keep the service stopped for the time of the block; it is started again whatever happens, by the host if we are gone."""
    project = compose(host.stack)
    start = project.start(service).do
    assert isinstance(start, Command)   # noqa: S101  Compose is a program
    host.write(replace(debt(_debt(service), start), about=f"stop {service} for a moment"))
    host.write(project.stop(service))
    try:
        yield
    except OpsbookError:
        _start_in_spite_of_an_error(host, service)
        raise
    _start(host, service)


def is_healthy(host: Host, service: str) -> Seen:
    """The service is healthy."""
    return health_of(host, service, container(host, service))


def health_of(host: Host, service: str, found: Container | None) -> Seen:
    """Given the service's container, return whether it is healthy."""
    if found is None:
        return Seen(ok=False, saw=f"{service} has no container", next=f"opsbook bring-up {host.name}")
    if found.running and not found.health:
        return endpoint_answers(host, service)      # no health check: Docker's "running" proves nothing
    probe = found.last_probe.strip() if found.health == "unhealthy" else ""
    saw = f"{service} is {found.state}" + (f": {probe}" if probe else "")
    return Seen(found.running and found.health == "healthy", saw, _logs(host, service))


def endpoint_answers(host: Host, service: str) -> Seen:
    """The service answers at its own endpoint."""
    known = host.stack.service(service)
    try:
        answer = host.read(Read(Request(service, known.probe), whole, answers=ANY_STATUS, within=10))
    except CommandFailed as failed:
        return Seen(ok=False, saw=f"{failed.what} ({failed.saw})" if failed.saw else failed.what, next=_logs(host, service))
    first = next(iter(host.mask(answer.out).strip().splitlines()), "")[:200]     # half a secret would not be recognized
    saw = f"{known.probe} gave status {answer.code}" + (f": {first}" if first and answer.code != OK else "")
    return Seen(answer.code == OK, saw, _logs(host, service))


def last_words(host: Host, service: str, lines: int = 5) -> str:
    """Return the end of the service's log, for people who want to know why it fails."""
    found = container(host, service)
    text = host.read(docker.last_lines(found.id, lines)).strip() if found else ""
    return "\n".join(f"  | {line[:WIDEST]}" for line in host.mask(text).splitlines()[-lines:])


def restart_count_is_stable(host: Host, service: str) -> Seen:
    """The service does not restart while it is watched."""
    first = container(host, service)
    if first is None or not first.running:
        return Seen(ok=False, saw=f"{service} is {first.state if first else 'missing'}", next=_logs(host, service))
    until = host.clock() + host.stack.stable
    while (left := until - host.clock()) > 0:
        host.pause(min(LOOK_EVERY, left))
        now = container(host, service)
        if now is None or _life(now) != _life(first):
            saw = f"restarts {first.restarts} → {now.restarts}, now {now.state}" if now else "its container is gone"
            return Seen(ok=False, saw=f"{service}: {saw}", next=_logs(host, service))
    return Seen(ok=True, saw=f"no restart in {host.stack.stable:g} s, {first.restarts} in all")


def has_started_anew(host: Host, service: str) -> Seen:
    """The service was started during this run."""
    found = container(host, service)
    if found is None:
        return Seen(ok=False, saw=f"{service} has no container", next=f"opsbook bring-up {host.name}")
    since = found.started - host.run.started
    saw = f"{service} started {abs(since):.1f} s {'after' if since >= 0 else 'before'} this run did"
    saw += "" if found.running else f", and is {found.state}"
    return Seen(found.running and since >= 0, saw, _logs(host, service))


def _life(found: Container) -> tuple[str, int, float, bool]:
    return found.id, found.restarts, found.started, found.running


def _start(host: Host, service: str) -> None:
    host.write(compose(host.stack).start(service))
    host.write(paid(_debt(service)))


def _start_in_spite_of_an_error(host: Host, service: str) -> None:
    try:
        _start(host, service)
    except OpsbookError as failed:
        host.say(f"{service} is not started again yet ({failed.what}); the host does it when this run ends")


def _debt(service: str) -> str:
    return f"start-{service}"


def _logs(host: Host, service: str) -> str:
    return f"opsbook logs {service} {host.name}"
