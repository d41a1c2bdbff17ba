"""What certificates a stack needs: the services that speak TLS by themselves, with their files, their names and their processes' user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.inventory import Service
from opsbook.moves.mounts import on_host
from opsbook.systems import docker, files, ownership
from opsbook.systems.container import Container, of
from opsbook.systems.own_ca import is_name
from opsbook.systems.web_config import config_path, parse_web_config

ITSELF = ("localhost", "127.0.0.1", "::1")
GRAFANA = ("GF_SERVER_CERT_FILE", "GF_SERVER_CERT_KEY")


@dataclass(frozen=True)
class Wanted:
    """A certificate and its key, by their paths on the host, and the service that shows them."""

    service: Service
    container: Container
    cert: str
    key: str
    names: tuple[str, ...]
    uid: int
    gid: int

    def also(self, names: Iterable[str]) -> Wanted:
        """Return the same with more names; those that no certificate can have are left out."""
        return replace(self, names=tuple(dict.fromkeys((*self.names, *(name for name in names if is_name(name))))))


def find(host: Host) -> tuple[Wanted, ...]:
    """Return what the stack needs; raise Refused where none of its services speaks TLS, or one cannot be judged."""
    known = host.recall(docker.containers(host.stack.project))
    speaking = [service for service in host.stack.services if service.scheme == "https"]
    found = [_wanted(host, service, of(known, service.name)) for service in speaking]
    if not found:
        fix = "scheme: https of a service, in the inventory"
        raise Refused("no service of this stack speaks TLS by itself", saw="the inventory knows none", next=fix, host=host.name)
    _expect_files_of_their_own(host, found)
    return tuple(found)


def _wanted(host: Host, service: Service, container: Container | None) -> Wanted:
    if container is None:
        raise Refused(f"{service.name} has no container", next=f"opsbook bring-up {host.name}", host=host.name)
    cert, key = _files(host, service, container)
    uid, gid = _user(host, container)
    names = (service.name, container.name, *ITSELF, *_public(host, service))
    return Wanted(service, container, cert, key, (), uid, gid).also(names)


def _files(host: Host, service: Service, container: Container) -> tuple[str, str]:
    """Return certificate and key on the host; raise Refused where nothing says which they are."""
    path = config_path((*container.entrypoint, *container.command))
    if path is not None:
        text = host.recall(files.texts([on_host(container, path)])).get(on_host(container, path), "")
        found = parse_web_config(text, path)
        pair = found.cert, found.key
    else:
        pair = container.env.get(GRAFANA[0], ""), container.env.get(GRAFANA[1], "")
    if not all(pair):
        saw = f"{path} names no cert_file and key_file" if path else f"it has neither a web.yml nor {' and '.join(GRAFANA)}"
        raise Refused(f"nothing says where {service.name} has its certificate", saw=saw, next="set its TLS up first", host=host.name)
    return on_host(container, pair[0]), on_host(container, pair[1])


def _user(host: Host, container: Container) -> tuple[int, int]:
    """Return the numbers of the user that the container's processes run as; raise Refused where nobody can tell."""
    user, _, group = container.user.partition(":")
    if user.isdigit() and group.isdigit():
        return int(user), int(group)
    found = host.recall(ownership.user_id(container.image_id, container.user))
    if found is not None:
        return found
    if user.isdigit():
        return int(user), 0
    fix = f"user: with its number, for {container.service} in the Compose file"
    raise Refused(f"nobody knows as which user {container.service} runs", saw=container.user or "no user is set", next=fix, host=host.name)


def _public(host: Host, service: Service) -> tuple[str, ...]:
    """Return the names under which others may know the service: its sites', and the host's."""
    sites = [site.name for site in host.stack.sites if site.service == service.name]
    return tuple(name for name in (*sites, host.name, host.entry.address, host.entry.peer_address) if name)


def _expect_files_of_their_own(host: Host, found: Iterable[Wanted]) -> None:
    """Raise Refused where two services share a file: one name and one owner would be the other's, too."""
    seen: dict[str, str] = {}
    for one in found:
        for path in (one.cert, one.key):
            if path in seen:
                saw = f"{seen[path]} and {one.service.name} both have {path}"
                raise Refused("two services share a file of TLS", saw=saw, next="give each files of its own", host=host.name)
            seen[path] = one.service.name
