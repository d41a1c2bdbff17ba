"""A shell on a host of the lab."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import NoReturn

from opsbook.errors import UsageError
from opsbook.lab import state
from opsbook.lab.lab import Lab


def command(lab: Lab, port: int) -> tuple[str, ...]:
    """Build the ssh command, which reads no configuration of the user's."""
    options = (f"UserKnownHostsFile={lab.known_hosts}", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes")
    flags = [part for option in options for part in ("-o", option)]
    return ("ssh", "-F", "none", *flags, "-i", str(lab.key), "-p", str(port), "claude-admin@127.0.0.1")


def shell(lab: Lab, host: str, words: Sequence[str] = ()) -> NoReturn:
    """Become an ssh to a host: interactive, or for one command."""
    ports = state.load(lab).ports
    if host not in ports:
        known = ", ".join(ports)
        raise UsageError(f"the lab has no host {host}", saw=f"it has {known}" if known else "it is not up", next="opsbook lab up")
    ssh = (*command(lab, ports[host]), *(("--", shlex.join(words)) if words else ()))
    os.execvp(ssh[0], ssh)  # noqa: S606 (a list of words, no shell)
