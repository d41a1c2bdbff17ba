"""Ask a host everything that the audit judges; what does not answer is named and left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from opsbook.errors import CommandFailed, HostKeyChanged, HostKeyUnknown, OpsbookError, Refused, Unreachable
from opsbook.host import Host, Read, Result
from opsbook.moves.audit.facts import UFW_CONF, Facts
from opsbook.shell import Secret, cmd
from opsbook.systems import docker, docker_networks, files, sudo, ufw
from opsbook.systems.addresses import OUTSIDER
from opsbook.systems.answers import stripped
from opsbook.systems.engine import engine
from opsbook.systems.root_view import root_view
from opsbook.systems.sockets import listening
from opsbook.web import Request

AT_ONCE = 6
VIEW = (*ufw.VIEW, "sshd", f"sshd root {OUTSIDER}", "sockets", "sudoers", "programs", "listening", "docker-user")
LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")       # which opsbook-look takes for a user's name
GRAFANA, ITS_USER, ITS_PASSWORD = "grafana", "admin", "admin"  # what every Grafana begins with
STATUSES = frozenset({200, 401, 403})


def gather(host: Host) -> Facts:
    """Return what the host tells; raise Unreachable where nobody gets in, ConnectionLost where we do not stay."""
    first, reason = _asked({"user": lambda: host.read(Read(cmd("id", "--name", "--user"), stripped))})      # alone: it logs in
    told, why = _asked({**_of_machine(host), **_of_docker(host), **_of_stack(host)})
    groups = tuple(told.pop("groups", "").split())
    return replace(Facts(host.entry), groups=groups, why={**reason, **why}, **first, **told)


def _of_machine(host: Host) -> dict[str, Callable[[], Any]]:
    user = host.entry.user or ""
    view = (*VIEW, f"sshd {user} {OUTSIDER}") if LOGIN.fullmatch(user) else VIEW
    return {
        "root": lambda: host.read(root_view(*view)),
        "groups": lambda: host.read(Read(cmd("id", "--name", "--groups", "--real"), stripped)),
        "grants": lambda: host.read(sudo.grants()),
        "offered": lambda: _offered(host, user),
        "sockets": lambda: host.read(listening()),
        "ufw_defaults": lambda: _there(host, ufw.DEFAULTS),
        "ufw_conf": lambda: _there(host, UFW_CONF),
    }


def _of_docker(host: Host) -> dict[str, Callable[[], Any]]:
    if not Facts(host.entry).has_docker:
        return {}
    return {"engine": lambda: host.read(engine()), "containers": lambda: host.read(docker_networks.running())}


def _of_stack(host: Host) -> dict[str, Callable[[], Any]]:
    if host.entry.stack is None:
        return {}
    path = f"{host.stack.directory}/{host.stack.env_file}"
    asked: dict[str, Callable[[], Any]] = {"env": lambda: host.read(files.stat(path)), "env_text": lambda: host.read(files.read(path))}
    if any(one.name == GRAFANA for one in host.stack.services):
        asked[GRAFANA] = lambda: _first_password(host)
    return asked


def _offered(host: Host, user: str) -> tuple[str, ...]:
    """Return how sshd lets people in; raise Refused where it does not answer a second time, unless it shows a strange key."""
    try:
        return host.door(user).methods
    except (HostKeyChanged, HostKeyUnknown):
        raise
    except Unreachable as shut:
        raise Refused(shut.what, saw=shut.saw, next=shut.next, host=host.name) from None


def _there(host: Host, path: str) -> str:
    found = host.read(files.read(path))
    if found is None:
        raise Refused(f"{path} is missing", host=host.name)
    return found


def _first_password(host: Host) -> int:
    """Return what Grafana says to its first password: 200 where it still is the one."""
    at = replace(docker.locate(host, host.stack.service(GRAFANA)), username=ITS_USER, password=Secret(ITS_PASSWORD))
    return host.read(Read(Request(GRAFANA, "/api/user", at=at), _status, answers=STATUSES))


def _status(result: Result) -> int:
    return result.code


def _asked(questions: dict[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask them side by side; return the answers, and for those without one the reason."""
    told, why = dict[str, Any](), dict[str, str]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="audit") as pool:
        futures = {name: pool.submit(question) for name, question in questions.items()}
        for name, future in futures.items():
            try:
                told[name] = future.result()
            except (CommandFailed, Refused) as error:
                why[name] = _reason(error)
    return told, why


def _reason(error: OpsbookError) -> str:
    return sudo.complaint(error.saw) or error.what
