"""What is rotated: the service, its web.yml as the running container has it, the user in it, and the key of `.env`."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace

from opsbook.errors import Refused
from opsbook.host import Host, Read
from opsbook.inventory import Service
from opsbook.moves.mounts import container_of, on_host
from opsbook.shell import Secret
from opsbook.systems import docker, files
from opsbook.systems.answers import whole
from opsbook.systems.bcrypt_hash import is_hash
from opsbook.systems.container import Container
from opsbook.systems.web_config import FLAG, config_path, parse_web_config
from opsbook.web import Request

ANY_STATUS = frozenset(range(100, 600))
OK, UNAUTHORIZED = 200, 401


@dataclass(frozen=True)
class Target:
    """One service and its web.yml: `path` in the container, `file` on the host."""

    service: Service
    container: Container
    path: str
    file: str
    user: str
    key: str
    text: str = field(repr=False)

    @property
    def hash(self) -> str:
        """Return the user's hash as the file has it."""
        return parse_web_config(self.text, self.path).users[self.user]


def find(host: Host, name: str) -> Target:
    """Return what is to be rotated; raise Refused where the service has no such login, or shares it."""
    service = host.stack.service(name)
    if service.username is None or service.password_key is None:
        fix = f"username and password_key of {name}, in the inventory"
        raise Refused(f"nobody said who logs in at {name}", saw="the inventory has no login for it", next=fix, host=host.name)
    _expect_its_own(host, service)
    container = container_of(host, name)
    path = config_path((*container.entrypoint, *container.command))
    if path is None:
        saw = " ".join(container.command) or "it has no flags"
        raise Refused(f"{name} has no web.yml: it runs without {FLAG}", saw=saw, next="opsbook rotate-password", host=host.name)
    file = on_host(container, path)
    text = text_of(host, file)
    found = Target(service, container, path, file, service.username, service.password_key, text)
    _expect_user(host, found)
    return found


def text_of(host: Host, path: str) -> str:
    """Return the text of a file on the host, byte for byte; raise Refused where it cannot be read."""
    found = host.read(files.texts([path])).get(path)
    if found is None:
        raise Refused(f"{path} is no file, or not ours to read", next=f"ls -l {path} (on {host.name})", host=host.name)
    return found


def env_path(host: Host) -> str:
    """Return where the stack's `.env` is."""
    return posixpath.join(host.stack.directory, host.stack.env_file)


def knock(host: Host, service: Service, password: Secret | None) -> int:
    """Return the status that the service's own port gives with this password, or without credentials."""
    if password is not None:
        host.mask.learn([password.value])
    place = docker.locate(host, service)
    bare = replace(place, username=service.username if password else None, password=password)
    return host.read(Read(Request(service.name, service.probe, at=bare), whole, answers=ANY_STATUS, within=10)).code


def _expect_its_own(host: Host, service: Service) -> None:
    """Raise Refused where the same password opens something else, which would go on asking for the old one."""
    stack, key = host.stack, service.password_key
    known = {one.name: one.password_key for one in stack.services} | {one.name: one.password_key for one in stack.sites}
    others = [name for name, its in known.items() if its == key and name != service.name]
    if others:
        saw = f"{key} of .env opens {', '.join(others)}, too"
        raise Refused(f"{service.name} shares its password", saw=saw, next=f"opsbook rotate-password {host.name}", host=host.name)


def _expect_user(host: Host, target: Target) -> None:
    users = parse_web_config(target.text, target.path).users
    if target.user not in users:
        saw = f"{target.file} knows {', '.join(sorted(users)) or 'no user'}"
        raise Refused(f"{target.service.name} has no user {target.user}", saw=saw, next="username in the inventory", host=host.name)
    host.mask.learn(users.values())
    if not is_hash(users[target.user]):
        saw, fix = f"what {target.file} has for {target.user} is no bcrypt hash", "write a whole hash there"
        raise Refused(f"nobody can log in at {target.service.name} as {target.user}", saw=saw, next=fix, host=host.name)
