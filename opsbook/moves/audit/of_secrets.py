"""Who may read the secrets, and whether they are any. Values are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from opsbook.errors import CommandFailed
from opsbook.findings.finding import Finding
from opsbook.moves.audit.facts import Facts
from opsbook.systems.dotenv import parse_env, rough

OTHERS, LET_IN = 0o077, 200
SECRET = re.compile(r"PASSWORD|PASSWD|PASS$|SECRET|TOKEN|_KEY$", re.IGNORECASE)
NO_VALUE = re.compile(r"(_FILE|_PATH|_USER|_URL|_HOST)$", re.IGNORECASE)
DEFAULTS = frozenset({
    "admin", "admin123", "administrator", "changeit", "changeme", "default", "example", "grafana", "letmein", "minioadmin", "pass",
    "password", "password1", "password123", "postgres", "prom", "prometheus", "qwerty", "root", "secret", "test", "user", "123456",
    "12345678", "123456789",
})  # fmt: skip
PLACEHOLDER = re.compile(r"(your|change|replace|insert|enter|todo|fixme|xxx)[\W_]?.*|<.*>|\$\{.*\}|\.\.\.", re.IGNORECASE)


def env(f: Facts) -> Iterator[Finding]:
    """An `.env` that others may read."""
    if f.entry.stack is None:
        return
    path = f"{f.entry.stack.directory}/{f.entry.stack.env_file}"
    if "env" in f.why:
        yield f.unjudged(f"who may read {path}", "env")
    elif f.env is None:
        yield Finding("warn", f"there is no {path}", "where are the secrets of the stack?", "env_file of the stack, in the inventory")
    elif f.env.mode & OTHERS:
        yield Finding("bad", f"others may read {path}", f"mode {f.env.mode:04o}, it holds secrets", f"ssh {f.host} chmod 0600 {path}")
    else:
        yield Finding("ok", f"{path} is readable for {f.env.owner} only")


def passwords(f: Facts) -> Iterator[Finding]:
    """Passwords that everybody knows: those of the documents, and empty ones."""
    if not f.has_docker:
        return
    silent = [one for one in ("env_text", "containers") if one in f.why]
    weak = sorted({*_of_env(f), *_of_containers(f)})
    if f.grafana == LET_IN:
        weak.insert(0, "Grafana lets admin in with the password admin")
    if weak:
        yield Finding("bad", "passwords are those that everybody knows", "\n".join(weak), f"new ones, then {f.up}")
    elif silent:
        yield f.unjudged("whether passwords are those that everybody knows", *silent)
    elif "grafana" in f.why:
        yield f.unjudged("whether Grafana still has its first password", "grafana")
    else:
        yield Finding("ok", "no password is one that everybody knows")


def is_weak(name: str, value: str) -> bool:
    """Return whether the name is a secret's and the value none."""
    if not SECRET.search(name) or NO_VALUE.search(name):
        return False
    return value.strip().lower() in DEFAULTS or PLACEHOLDER.fullmatch(value.strip()) is not None


def _of_env(f: Facts) -> Iterator[str]:
    if f.entry.stack is not None and f.env_text is not None:
        yield from (f"{name} in {f.entry.stack.env_file}" for name, value in _values(f.env_text).items() if is_weak(name, value))


def _of_containers(f: Facts) -> Iterator[str]:
    for one in f.containers or ():
        yield from (f"{name} of the container {one.name}" for name, value in one.env.items() if is_weak(name, value))


def _values(text: str) -> Mapping[str, str]:
    try:
        return parse_env(text)
    except CommandFailed:       # Compose would refuse it; what its lines may mean is judged all the same
        return rough(text)
