"""The lab's hosts: made or reused, booted, their firewall up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from opsbook.lab import containers, furnish, gitserver
from opsbook.lab.containers import Box, make, reusable
from opsbook.lab.docker import attempt, script
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.making import store
from opsbook.lab.making.images import Images
from opsbook.lab.network import ip
from opsbook.lab.placing import Placed, digest, tar
from opsbook.lab.profile import HostSpec, Profile
from opsbook.lab.wait import until

FIREWALL = """
test -e /etc/ufw/.opsbook-lab && exit
for port in "$@"; do ufw allow "$port" >/dev/null; done
ufw --force enable >/dev/null
touch /etc/ufw/.opsbook-lab
"""
BOOTED = ("running", "degraded")


def volume(lab: Lab, host: HostSpec) -> str:
    """Name the volume that holds a host's inner engine."""
    return f"{lab.container(host.name)}-docker"


def server_box(lab: Lab, spec: HostSpec, images: Images, cgroups: str, address: str, content: str) -> Box:
    """Describe the container that plays a server."""
    inner = (f"--volume={volume(lab, spec)}:/var/lib/docker",) if spec.docker else ()
    image = images.servers.docker if spec.docker else images.servers.plain
    arguments = (*containers.server(cgroups), *inner, f"--ip={address}", "--publish=127.0.0.1::22")
    return Box(spec.name, image, arguments, (), content)


def server(lab: Lab, spec: HostSpec, images: Images, cgroups: str, subnet: str, progress: Progress) -> int:
    """Bring one server up; return the loopback port of its sshd."""
    files = furnish.host_files(lab, spec)
    box = server_box(lab, spec, images, cgroups, ip(subnet, spec.address), " ".join((digest(files), *origins(lab, spec, images))))
    if reusable(lab, box):
        progress(f"{spec.name}: reused")
    else:
        fresh(lab, spec, box, images, files)
        progress(f"{spec.name}: made")
    booted(lab, spec)
    script(lab.container(spec.name), FIREWALL, *spec.open_ports)
    return containers.address(lab.container(spec.name))


def origins(lab: Lab, spec: HostSpec, images: Images) -> tuple[str, ...]:
    """Name what a server cannot outlive: its image store, and the git server whose history it has."""
    inner = (store.name(images),) if spec.docker else ()
    return (*inner, containers.identity(lab.container(gitserver.NAME))) if spec.stack else inner


def fresh(lab: Lab, spec: HostSpec, box: Box, images: Images, files: tuple[Placed, ...]) -> None:
    """Make a server from nothing, its image store included."""
    if spec.docker:
        attempt("rm", "--force", "--volumes", lab.container(spec.name))
        store.copied(store.name(images), volume(lab, spec), lab.label, images.servers.plain)
    make(lab, box, tar(files))


def git_server(lab: Lab, images: Images, address: str, progress: Progress, content: str) -> None:
    """Bring the git server up."""
    files = furnish.git_files(lab)
    box = gitserver.box(images.servers.plain, address, f"{digest(files)} {content}")
    if reusable(lab, box):
        progress("git: reused")
    else:
        make(lab, box, tar(files))
        progress("git: made")


def booted(lab: Lab, spec: HostSpec) -> None:
    """Wait until systemd has started everything, and the engine answers where there is one."""
    name = lab.container(spec.name)
    until(f"{spec.name} boots", lambda: systemd(name) in BOOTED, within=60, saw=lambda: systemd(name))


def systemd(name: str) -> str:
    """Ask systemd how far it is."""
    return attempt("exec", name, "systemctl", "is-system-running", "--wait", within=60).stdout.decode().strip()


def servers(lab: Lab, profile: Profile, images: Images, cgroups: str, subnet: str, progress: Progress) -> dict[str, int]:
    """Bring all servers up side by side; return their ports."""
    with ThreadPoolExecutor() as pool:
        started = {spec.name: pool.submit(server, lab, spec, images, cgroups, subnet, progress) for spec in profile.hosts}
        return {name: future.result() for name, future in started.items()}
