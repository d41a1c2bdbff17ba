"""Who else has the password: named, because nobody but its owner can say what it may be changed to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from opsbook.host import Host
from opsbook.moves.password.users import GRAFANA
from opsbook.shell import Secret
from opsbook.systems import docker
from opsbook.systems.password_text import holding


def name_them(host: Host, old: Secret) -> None:
    """Say which files and containers of the stack have the present password in them, apart from what this run changes."""
    found = [*_files(host, old), *_containers(host, old)]
    if found:
        host.say("these have the present password, too, and keep it: " + "; ".join(found))


def _files(host: Host, old: Secret) -> Iterator[str]:
    for path in host.read(holding(host.stack.directory, old)):
        if path != host.stack.env_file:
            yield posixpath.join(host.stack.directory, path)


def _containers(host: Host, old: Secret) -> Iterator[str]:
    for found in host.read(docker.containers(host.stack.project)):
        if any(old.value in value for value in found.env.values()):
            again = f"until opsbook recreate-service {found.service} {host.name}"
            seed = ", where it only seeds an empty database" if found.service == GRAFANA else ""
            yield f"the environment of {found.service}{seed} ({again})"
