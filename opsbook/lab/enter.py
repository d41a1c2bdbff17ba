"""A shell on a host of the lab."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import NoReturn

from opsbook.errors import UsageError
from opsbook.lab import lights, state
from opsbook.lab.lab import Lab

LOOPBACK = "127.0.0.1"


def command(lab: Lab, port: int, user: str = "claude-admin", address: str = LOOPBACK) -> tuple[str, ...]:
    """Build the ssh command, which reads no configuration of the user's."""
    options = (f"UserKnownHostsFile={lab.known_hosts}", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes")
    flags = [part for option in options for part in ("-o", option)]
    return ("ssh", "-F", "none", *flags, "-i", str(lab.key), "-p", str(port), f"{user}@{address}")


def shell(lab: Lab, host: str, words: Sequence[str] = ()) -> NoReturn:
    """Become an ssh to a host, or to USER@HOST: interactive, or for one command."""
    user, _, name = host.rpartition("@")
    address, port = where(lab, name)
    ssh = (*command(lab, port, user or "claude-admin", address), *(("--", shlex.join(words)) if words else ()))
    os.execvp(ssh[0], ssh)  # noqa: S606 (a list of words, no shell)


def where(lab: Lab, name: str) -> tuple[str, int]:
    """Return a host's address and port on this machine."""
    known = state.load(lab)
    light = dict(zip(lights.names(known.lights), lights.addresses(known.subnet, known.lights), strict=True)) if known.lights else {}
    if name in light:
        return light[name], lights.PORT
    if name not in known.ports:
        there = ", ".join((*known.ports, *([f"light001 to {[*light][-1]}"] if light else [])))
        raise UsageError(f"the lab has no host {name}", saw=f"it has {there}" if there else "it is not up", next="opsbook lab up")
    return LOOPBACK, known.ports[name]
