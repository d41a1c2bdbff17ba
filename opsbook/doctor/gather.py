"""Ask a host that lets us in everything that the doctor judges; what does not answer is named and left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from opsbook import record
from opsbook.doctor.facts import Facts
from opsbook.errors import CommandFailed, Refused, UsageError
from opsbook.host import Host, Read, Result
from opsbook.privileged import ALL, LOOK
from opsbook.shell import cmd, script
from opsbook.ssh import Ssh
from opsbook.systems import docker, files, sudo
from opsbook.systems.answers import stripped
from opsbook.systems.container import Container
from opsbook.systems.machine import look
from opsbook.systems.prometheus import Prometheus
from opsbook.systems.rendered import parse_paths
from opsbook.systems.root_view import root_view
from opsbook.systems.thanos import Thanos
from opsbook.watch.eviction import holder
from opsbook.web import Endpoint

AT_ONCE = 4
SERVER = 'echo "$SSH_CONNECTION"'
FOREIGN = 'cd -- "$1" && find . -not -user "$(id --user)" -not -path "*/data/*" -print0 | head --bytes=20000'
ARE_FILES = 'for path; do [ -f "$path" ] && printf "%s\\0" "$path"; done; exit 0'
CADDYFILE = "/etc/caddy/Caddyfile"
QUERY = "thanos-query"


def gather(host: Host, ssh: Ssh) -> Facts:
    """Return what the host tells; raise ConnectionLost where we do not stay."""
    before = time.time()
    facts, why = _first(host, ssh)
    machine = facts.machine
    skew = None if machine.now is None else max(machine.now - time.time(), 0.0) or min(machine.now + 1 - before, 0.0)
    told, more = _asked(_second(host, facts))
    return replace(facts, skew=skew, why={**why, **more}, **told)


def _first(host: Host, ssh: Ssh) -> tuple[Facts, Mapping[str, str]]:
    """Ask what the other questions depend on."""
    checkout = host.entry.stack.checkout if host.entry.stack else None
    found, why = _asked({
        "machine": lambda: host.read(look(checkout)),
        "forwards": lambda: _forwards(host, ssh),
        "who": lambda: host.read(Read(cmd("id", "--name", "--groups", "--real"), stripped)).split(),
        "user": lambda: host.read(Read(cmd("id", "--name", "--user"), stripped)),
        "grants": lambda: host.read(sudo.grants()),
        "lock": lambda: host.read(holder()),
        "record": lambda: host.read(record.current()),
        "programs": lambda: host.read(files.hashes(act.path for act in ALL)),
    })  # fmt: skip
    groups = tuple(found.pop("who", ()))
    return replace(Facts(host.entry), groups=groups, **found), why


def _second(host: Host, facts: Facts) -> dict[str, Callable[[], Any]]:
    asked: dict[str, Callable[[], Any]] = {}
    if sudo.allows(facts.grants or (), LOOK.name) and LOOK.path in (facts.programs or {}):
        asked["firewall"] = lambda: host.read(root_view("ufw"))["ufw"].text
    if facts.needs_docker:
        asked["docker"] = lambda: host.read(docker.version())
        asked["compose"] = lambda: host.read(Read(cmd("docker", "compose", "version", "--short"), stripped))
        asked["driver"] = lambda: host.read(Read(cmd("docker", "info", "--format={{.Driver}}"), stripped))
    return asked if host.entry.stack is None else {**asked, **_of_stack(host, facts)}


def _of_stack(host: Host, facts: Facts) -> dict[str, Callable[[], Any]]:
    path = f"{host.stack.directory}/{host.stack.env_file}"
    sources = sorted({mount.source for found in facts.own for mount in found.mounts if mount.type == "bind"})
    asked: dict[str, Callable[[], Any]] = {
        "env": lambda: host.read(files.stat(path)),
        "env_text": lambda: host.read(files.read(path)),
        "foreign": lambda: host.read(Read(script(FOREIGN, host.stack.checkout), parse_paths)),
        "single_files": lambda: frozenset(host.read(Read(script(ARE_FILES, *sources), parse_paths))),
    }
    if caddyfile := _source(facts.service("caddy"), CADDYFILE):
        asked["caddyfile"] = lambda: host.read(files.read(caddyfile))
    if _runs(facts, "prometheus"):
        asked["external_labels"] = lambda: host.read(Prometheus().config()).external_labels
    if _runs(facts, QUERY):
        asked["stores"] = lambda: host.read(Thanos(QUERY).stores())
    return asked


def _forwards(host: Host, ssh: Ssh) -> bool | None:
    """Try to reach the very sshd that we talk to: something surely listens there."""
    words = host.read(Read(script(SERVER), _words))
    return ssh.forwards(Endpoint(address=words[2], port=int(words[3]))) if len(words) > 3 else None  # noqa: PLR2004


def _words(result: Result) -> list[str]:
    return result.out.split()


def _source(found: Container | None, path: str) -> str | None:
    mounts = found.mounts if found else ()
    return next((mount.source for mount in mounts if mount.destination == path), None)


def _runs(facts: Facts, service: str) -> bool:
    found, stack = facts.service(service), facts.entry.stack
    known = any(one.name == service for one in stack.services) if stack else False
    return known and found is not None and found.running


def _asked(questions: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask them side by side; return the answers, and for those without one the reason."""
    told, why = dict[str, Any](), dict[str, str]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        futures = {name: pool.submit(question) for name, question in questions.items()}
        for name, future in futures.items():
            try:
                told[name] = future.result()
            except (CommandFailed, Refused, UsageError) as error:
                why[name] = error.saw or error.what
    return told, why
