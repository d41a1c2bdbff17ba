"""What a project's repo leaves out: certificates, web.yml with its hashes, `.env`, and what is rendered from it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template

import bcrypt

from opsbook.lab.docker import docker, holds, script
from opsbook.lab.placing import ADMIN, Placed, folder, tar
from opsbook.lab.projects import HERE, where

NOBODY, GRAFANA = 65534, 472
TEMPLATE = ".tmpl"
HASH_ROUNDS = 10
# Self-signed, with the names under which it is asked; owner and group as the containers' user needs them.
CERTIFY = """
cd "$1"
mkdir -p certs
for service in "${@:3}"; do
    openssl req -x509 -nodes -newkey rsa:2048 -days 365 -keyout "certs/$service.key" -out "certs/$service.crt" \\
        -subj "/O=LCX/CN=$service.monitoring.local" \\
        -addext "subjectAltName=DNS:$service,DNS:$service.monitoring.local,DNS:localhost,IP:127.0.0.1" 2>/dev/null
    chmod 0640 "certs/$service.key"
done
chown 1000:"$2" certs certs/*
"""
WEB = """\
tls_server_config:
  cert_file: /etc/certs/${service}.crt
  key_file: /etc/certs/${service}.key
  min_version: TLS12
  cipher_suites:
    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384

basic_auth_users:
  ${username}: ${hashed}
"""


@dataclass(frozen=True)
class Login:
    """A service that asks for a password: its web.yml, and the keys of `.env` that open it."""

    service: str
    web: str
    key: str  # what its two variables begin with


LOGINS = {"lcx": (Login("prometheus", "config/web.yml", "PROM"), Login("alertmanager", "alertmanager/auth/web.yml", "ALERTMANAGER"))}


def seal(container: str, project: str) -> None:
    """Give a project its certificates, passwords and rendered files, once; one that asks for no password gets none."""
    if project not in LOGINS or holds("exec", container, "test", "-e", f"{where(project)}/.env"):
        return
    script(container, CERTIFY, where(project), str(NOBODY), *(login.service for login in LOGINS[project]))
    docker("exec", "--interactive", container, "tar", "--extract", "--directory=/", stdin=tar(files(project)))


def files(project: str) -> tuple[Placed, ...]:
    """Make the secret files; `.env` comes last, so that its presence means all are there."""
    env = variables(LOGINS[project])
    written = "".join(f"{key}={value}\n" for key, value in env.items())
    return (*webs(project, env), *rendered(project, env), Placed(f"{where(project)}/.env", written.encode(), 0o600, ADMIN))


def variables(logins: tuple[Login, ...]) -> dict[str, str]:
    """Make the variables of `.env`, each service with a password of its own."""
    env: dict[str, str] = {}
    for login in logins:
        env |= {f"{login.key}_USERNAME": "admin", f"{login.key}_PASSWORD": "p" + secrets.token_urlsafe(21)}
    return {**env, "HEALTH_INTERVAL": "5s"}


def webs(project: str, env: Mapping[str, str]) -> Iterator[Placed]:
    """Write each service's web.yml."""
    for login in LOGINS[project]:
        path = f"{where(project)}/{login.web}"
        hashed = bcrypt.hashpw(env[f"{login.key}_PASSWORD"].encode(), bcrypt.gensalt(HASH_ROUNDS)).decode()
        text = Template(WEB).substitute(service=login.service, username=env[f"{login.key}_USERNAME"], hashed=hashed)
        yield folder(path.rpartition("/")[0], owner=ADMIN)
        yield Placed(path, text.encode(), 0o640, ADMIN, NOBODY)


def rendered(project: str, env: Mapping[str, str]) -> Iterator[Placed]:
    """Fill `.env` into the project's templates."""
    for path in sorted((HERE / project).rglob(f"*{TEMPLATE}")):
        name = path.relative_to(HERE / project).as_posix().removesuffix(TEMPLATE)
        reader = GRAFANA if name.startswith("grafana/") else NOBODY
        yield Placed(f"{where(project)}/{name}", Template(path.read_text()).substitute(env).encode(), 0o640, ADMIN, reader)
