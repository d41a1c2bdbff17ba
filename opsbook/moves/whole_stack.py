"""All services of the stack at one look: those of the inventory, and those that only the Compose file names."""

from __future__ import annotations

from collections.abc import Collection

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.ending import has_done_its_work, one_shots
from opsbook.systems import docker
from opsbook.systems.compose import compose
from opsbook.systems.container import Container, of


def is_healthy(host: Host) -> Seen:
    """Every service is healthy."""
    names = _names(host)
    sick = _sick(host, names)
    saw = ", ".join(seen.saw for seen in sick.values()) or counted(len(names), "service")
    return Seen(bool(names) and not sick, saw, next=next((seen.next for seen in sick.values()), ""))


def down(host: Host, lines: int = 5) -> Seen:
    """Return what is not healthy, each service with the end of its log."""
    sick = _sick(host, _names(host))
    told = [f"{seen.saw}\n{services.last_words(host, service, lines)}".rstrip() for service, seen in sick.items()]
    return Seen(not sick, "\n".join(told), next=next((seen.next for seen in sick.values()), ""))


def is_stable(host: Host) -> Seen:
    """No service restarts while they are watched."""
    before, ending = _lives(host), one_shots(host)
    until = host.clock() + host.stack.stable
    while (left := until - host.clock()) > 0:
        host.pause(min(services.LOOK_EVERY, left))
        now = _lives(host)
        moved = {name: told for name in {*before, *now} if (told := _moved(host, before.get(name), now.get(name), ending))}
        if moved:
            service = (now | before)[min(moved)].service
            return Seen(ok=False, saw=", ".join(moved[name] for name in sorted(moved)), next=f"opsbook logs {service} {host.name}")
    return Seen(bool(before), saw=f"{counted(len(before), 'container')}, no restart in {host.stack.stable:g} s")


def _names(host: Host) -> tuple[str, ...]:
    declared = host.recall(compose(host.stack).settings()).services
    return tuple(dict.fromkeys([*(known.name for known in host.stack.services), *declared]))


def _sick(host: Host, names: Collection[str]) -> dict[str, Seen]:
    known = host.read(docker.containers(host.stack.project))
    seen = {service: _health(host, service, of(known, service)) for service in names}
    return {service: one for service, one in seen.items() if not one.ok}


def _health(host: Host, service: str, found: Container | None) -> Seen:
    if has_done_its_work(host.stack, one_shots(host), found):
        return Seen(ok=True)
    if found is not None and found.running and not found.health and service not in {known.name for known in host.stack.services}:
        return Seen(ok=True)    # nobody said where it answers: that it runs is all that can be asked, and that it goes on running
    return services.health_of(host, service, found)


def _lives(host: Host) -> dict[str, Container]:
    return {found.name: found for found in host.read(docker.containers(host.stack.project))}


def _moved(host: Host, before: Container | None, now: Container | None, ending: Collection[str]) -> str:
    """Return what happened to a container between two looks, or nothing."""
    if before is None or now is None:
        found = before or now
        return f"{found.service} is {'gone' if before else 'new'}" if found else ""
    if _life(before) == _life(now):
        return ""
    if _life(before)[:-1] == _life(now)[:-1] and has_done_its_work(host.stack, ending, now):
        return ""
    return f"{now.service} was restarted" if now.running else f"{now.service} is {now.state}"


def _life(found: Container) -> tuple[str, int, float, bool]:
    return found.id, found.restarts, found.started, found.running
