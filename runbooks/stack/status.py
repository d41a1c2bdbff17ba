"""Show how every service of the stack is.

When   any time; first thing after an alert, and after every change.
Risk   reads: nothing is changed.
Undo   not needed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from opsbook.answer import Answer, Table
from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.errors import CommandFailed, Trouble
from opsbook.host import Host
from opsbook.moves import services
from opsbook.moves.ending import has_done_its_work
from opsbook.runbook import NoParams
from opsbook.systems import docker
from opsbook.systems.compose import compose
from opsbook.systems.container import Container, of
from opsbook.systems.project import Project

ON = "stack"
AT_ONCE = 6     # endpoints asked side by side: one that hangs holds up nobody
COLUMNS = ("service", "state", "endpoint", "restarts", "since", "image")
MISSING, LOOPING, DONE = "missing", "restarting", "done"


@dataclass(frozen=True)
class Standing:
    """One service as it is now; `age` is in seconds."""

    service: str
    state: str                      # healthy, running, unhealthy, exited (3), missing, done …
    ok: bool
    endpoint: str = "-"
    restarts: int = 0
    age: float | None = None
    image: str = ""
    saw: str = ""


def status(host: Host, p: NoParams) -> Answer:
    """Ask Docker and every service's own endpoint."""
    try:
        found = host.recall(docker.containers(host.stack.project))
    except CommandFailed as failed:
        raise Trouble("Docker does not answer", saw=failed.saw, next=f"opsbook triage {host.name}") from None
    now = host.now()
    project, note = _declared(host)
    names = list(dict.fromkeys([*(known.name for known in host.stack.services), *project.services, *(one.service for one in found)]))
    seen = _endpoints(host, found)
    done = {one.service for one in found if has_done_its_work(host.stack, project.one_shots, one)}
    rows = [
        Standing(name, DONE, ok=True) if name in done else _standing(name, of(found, name), seen.get(name), now, host.stack.stable)
        for name in names
    ]
    bad = [row for row in rows if not row.ok]
    return Answer(
        data={"services": [asdict(row) for row in rows]},
        table=Table(COLUMNS, tuple(_cells(row) for row in rows)),
        lines=(*note, f"{counted(len(rows), 'service')}, {len(rows) - len(bad)} of them healthy and answering"),
        trouble="; ".join(f"{row.service} is {row.state}{f': {row.saw}' if row.saw else ''}" for row in bad),
        next=_next(host, bad),
    )


def _declared(host: Host) -> tuple[Project, tuple[str, ...]]:
    """Return what the Compose file says, and a note when it cannot be read."""
    try:
        return host.read(compose(host.stack).settings()), ()
    except CommandFailed as failed:
        return Project(host.stack.project, {}), (f"the Compose file cannot be read: {failed.saw}",)


def _endpoints(host: Host, found: tuple[Container, ...]) -> dict[str, Seen]:
    """Ask every running service that the inventory knows, side by side."""
    running = [known.name for known in host.stack.services if (one := of(found, known.name)) is not None and one.running]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="endpoint") as pool:
        return dict(zip(running, pool.map(lambda name: services.endpoint_answers(host, name), running), strict=True))


def _standing(name: str, found: Container | None, endpoint: Seen | None, now: float, stable: float) -> Standing:
    if found is None:
        return Standing(name, MISSING, ok=False)
    age = max(now - found.started, 0) if found.running else None
    looping = found.running and found.restarts > 0 and age is not None and age < stable     # caught between two crashes
    state = LOOPING if looping else (found.health or "running") if found.running else found.state
    asked = "-" if endpoint is None else "ok" if endpoint.ok else "no"
    ok = found.running and not looping and found.health in {"", "healthy"} and asked != "no"
    saw = endpoint.saw if endpoint is not None and not endpoint.ok else ""
    return Standing(name, state, ok, asked, found.restarts, age, found.image, saw)


def _cells(row: Standing) -> tuple[str, ...]:
    return row.service, row.state, row.endpoint, str(row.restarts), _age(row.age), _short(row.image)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _short(image: str) -> str:
    """Return the image without registry and folder, so that a line fits on a screen; JSON has it whole."""
    return image.rpartition("/")[2]


def _next(host: Host, bad: list[Standing]) -> str:
    if not bad:
        return ""
    missing = all(row.state == MISSING for row in bad)
    return f"opsbook bring-up {host.name}" if missing else f"opsbook logs {bad[0].service} {host.name}"


ANSWER = status
