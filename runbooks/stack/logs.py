"""Show the log of one service.

When   a service misbehaves, and after every `next: opsbook logs …`.
Risk   reads: nothing is changed.
Undo   not needed. `--follow` goes on until Ctrl-C (exit 130) and leaves nothing behind on the host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from opsbook.answer import Answer
from opsbook.errors import Refused, UsageError
from opsbook.host import Host
from opsbook.moves import services
from opsbook.runbook import SERVICE
from opsbook.systems import docker

ON = "stack"
WHEN = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?|\d{9,}")


@dataclass(frozen=True)
class Params:
    """Which lines."""

    service: Annotated[str, SERVICE, "the service"]
    since: Annotated[str | None, "only lines since then: 10m, 2h, 2026-11-21T01:05:00Z"] = None
    lines: Annotated[int, "so many of the newest lines"] = 100
    follow: Annotated[bool, "go on with new lines as they come"] = False


def logs(host: Host, p: Params) -> Answer:
    """Read the log of the service's container."""
    if p.since is not None and not WHEN.fullmatch(p.since):
        raise UsageError(f"--since wants 10m, 2h or a time such as 2026-11-21T01:05:00Z, got {p.since!a}")
    if p.lines < 0:
        raise UsageError("--lines wants a number of lines, 0 or more")
    found = services.container(host, p.service)
    if found is None:
        raise Refused(f"{p.service} has no container, so it has no log", next=f"opsbook bring-up {host.name}", host=host.name)
    if not found.running:
        host.say(f"{p.service} is {found.state}; this is what it left")
    if p.follow:
        return Answer(stream=host.follow(docker.logs(found.id, since=p.since, lines=p.lines, follow=True)))
    text = host.read(docker.last_lines(found.id, p.lines, since=p.since))
    lines = text.splitlines()
    return Answer(data={"service": p.service, "lines": lines}, lines=tuple(lines))


ANSWER = logs
