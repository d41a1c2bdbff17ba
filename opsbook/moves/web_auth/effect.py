"""Changed files brought into effect: the service, and whoever logs in there, read them again; and whether they did."""

from __future__ import annotations

from opsbook.check import Seen
from opsbook.host import Host
from opsbook.moves import services, steady_scrapes
from opsbook.moves.mounts import in_container, stranded
from opsbook.moves.owing import owed
from opsbook.moves.pending import pending
from opsbook.moves.reloading import has_reloaded
from opsbook.moves.web_auth import clients, edits
from opsbook.moves.web_auth.target import OK, UNAUTHORIZED, Target, env_path, knock
from opsbook.moves.working import PROMETHEUS
from opsbook.shell import Secret
from opsbook.systems import docker, files
from opsbook.systems.compose import compose
from opsbook.systems.dotenv import env_file
from opsbook.systems.prometheus import RELOADED, RELOADED_AT

PENDING = "pending_before"


def remember(host: Host, target: Target) -> None:
    """Keep which services differ from the Compose file already, and which scrapes of the service work."""
    if PENDING not in host.run.kept:
        host.keep(**{PENDING: sorted(pending(host))})
        steady_scrapes.remember(host, [target.service.name])


def restart_service(host: Host, target: Target) -> None:
    """Restart the service, if its process cannot see the new web.yml: mounted alone, it shows the old file until then."""
    if not stranded(target.container, [target.file]):
        host.say(f"{target.service.name} reads its web.yml at each request, so it needs no restart")
        return
    project = compose(host.stack)
    with owed(host, f"start-{target.service.name}", project.start(target.service.name), about=f"restart {target.service.name}"):
        host.write(project.restart(target.service.name))


def recreate(host: Host) -> None:
    """Make the services anew that have the changed value in their environment."""
    before = host.run.kept.get(PENDING, [])
    for service in [name for name in pending(host) if name not in before]:
        project = compose(host.stack)
        with owed(host, f"bring-up-{service}", project.up(service, no_deps=True)):
            host.write(project.up(service, no_deps=True))


def read_again(host: Host, target: Target) -> None:
    """Let the clients read the changed files: on a signal where they hear one, else by a restart, unless they started since."""
    paths = [path for path in edits.paths(host) if path not in {target.file, env_path(host)}]
    for container in clients.readers(host, paths).values():
        seen = [path for path in paths if in_container(container, path) is not None]
        if not host.run.skipped and container.started >= host.read(files.newest(seen)):
            continue
        host.write(docker.restart(container) if clients.needs_start(container, seen) else docker.hang_up(container))
    steady_scrapes.from_now_on(host)


def opens(host: Host, target: Target, password: Secret | None) -> Seen:
    """The service lets this password in."""
    return _answered(host, target, password, OK)


def refuses(host: Host, target: Target, password: Secret | None) -> Seen:
    """The service turns away whoever comes with this password, or with none."""
    return _answered(host, target, password, UNAUTHORIZED)


def env_says(host: Host, target: Target, password: Secret | None) -> Seen:
    """`.env` has this password under its key."""
    value = (host.read(env_file(env_path(host))) or {}).get(target.key)
    good = password is not None and value == password.value
    return Seen(good, saw=f"{target.key} is {'the one that is meant' if good else 'another one' if value else 'not set'}")


def clients_get_in(host: Host, target: Target) -> Seen:
    """Prometheus has read the changed files, and gets in at the service wherever it did before."""
    late = _read_late(host, target)
    return steady_scrapes.go_on(host) if late.ok else late


def _answered(host: Host, target: Target, password: Secret | None, wanted: int) -> Seen:
    code = knock(host, target.service, password)
    saw = f"{target.service.probe} gave status {code}"
    return Seen(code == wanted, saw=saw, next=f"opsbook logs {target.service.name} {host.name}")


def _read_late(host: Host, target: Target) -> Seen:
    """Return whether Prometheus has loaded its configuration after that was changed, where it was."""
    found = services.container(host, PROMETHEUS.service)
    if found is None or PROMETHEUS.service not in {one.name for one in host.stack.services}:
        return Seen(ok=True)
    own = [in_container(found, path) for path in edits.paths(host) if path not in {target.file, env_path(host)}]
    mine = [path for path in own if path is not None]
    return has_reloaded(host, found, mine, host.read(PROMETHEUS.metrics()), (RELOADED, RELOADED_AT)) if mine else Seen(ok=True)
