"""The lab's hosts: made or reused, booted, their firewall up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from opsbook.lab import authority, containers, furnish, gitserver, mirror, projects
from opsbook.lab.containers import Box, make, reusable
from opsbook.lab.docker import attempt, docker, script
from opsbook.lab.engine import Progress
from opsbook.lab.lab import Lab
from opsbook.lab.making import store
from opsbook.lab.making.images import Images
from opsbook.lab.placing import Placed, digest, tar
from opsbook.lab.profile import GIT, HostSpec, Profile
from opsbook.lab.projects import credentials
from opsbook.lab.wait import until

FIREWALL = """
test -e /etc/ufw/.opsbook-lab && exit
for port in "$@"; do ufw allow "$port" >/dev/null; done
ufw --force enable >/dev/null
touch /etc/ufw/.opsbook-lab
"""
# As a provider hands a server over: nobody but root, let in by key, and sshd as Debian sets it. Once, for later it may be provisioned.
BARE = """
test -e /var/lib/opsbook-lab/baseline/mark && exit
if id claude-admin >/dev/null 2>&1; then userdel --force --remove claude-admin 2>/dev/null; fi
"""
# What update-ca-certificates would do, which takes seconds where several servers are made at once.
TRUST = """
cd /etc/ssl/certs
if [ -e opsbook-lab.pem ]; then exit; fi
cat "$1" >> ca-certificates.crt
ln -s opsbook-lab.pem "$(openssl x509 -noout -subject_hash -in "$1").0"
ln -s "$1" opsbook-lab.pem
"""
# A project's folder is a checkout like any other; its upstream is a repo beside it.
CHECKED_IN = """
cd "$1"
git rev-parse --quiet --verify '@{upstream}' >/dev/null 2>&1 && exit
(umask 077; touch .env)
rm -rf .git origin.git
git init --quiet --initial-branch=main
printf '%s\\n' .env origin.git > .git/info/exclude
git add .
git -c user.name='Lab Operator' -c user.email=operator@lab.invalid commit --quiet --message 'The project as it was set up'
git clone --quiet --bare . origin.git
git remote add origin "$1/origin.git"
git fetch --quiet
git branch --quiet --set-upstream-to=origin/main
"""
HERE = Path(__file__).parent / "etc"
BASELINE, RENEW = ((HERE / name).read_text() for name in ("baseline.sh", "renew.sh"))
MADE_BY = hashlib.sha256("".join((FIREWALL, BARE, TRUST, CHECKED_IN, BASELINE)).encode()).hexdigest()[:12]
BOOTED = ("running", "degraded")
BOOTS_WITHIN = 150.0


@dataclass(frozen=True)
class Site:
    """What all servers of a lab are made with."""

    images: Images
    cgroups: str
    addresses: Mapping[str, str]  # of every host that the profile could have
    names: str  # the address of the server that they ask for names
    progress: Progress


def volume(lab: Lab, host: HostSpec) -> str:
    """Name the volume that holds a host's inner engine."""
    return f"{lab.container(host.name)}-docker"


def server_box(lab: Lab, spec: HostSpec, images: Images, site: Site, content: str) -> Box:
    """Describe the container that plays a server."""
    inner = (f"--volume={volume(lab, spec)}:/var/lib/docker",) if spec.docker else ()
    image = images.servers.docker if spec.docker else images.servers.plain
    network = (f"--ip={site.addresses[spec.name]}", f"--dns={site.names}", "--publish=127.0.0.1::22")
    arguments = (*containers.server(site.cgroups), *inner, *network)
    return Box(spec.name, image, arguments, (), content)


def server(lab: Lab, spec: HostSpec, site: Site) -> int:
    """Bring one server up; return the loopback port of its sshd."""
    files, images = furnish.host_files(lab, spec, site.addresses), site.images.only(spec.images)
    content = " ".join((digest(files), MADE_BY, *origins(lab, spec, images)))
    box = server_box(lab, spec, images, site, content)
    if reusable(lab, box):
        site.progress(f"{spec.name}: reused")
    else:
        fresh(lab, spec, box, images, files)
        site.progress(f"{spec.name}: made")
    booted(lab, spec)
    settled(lab, spec)
    return containers.address(lab.container(spec.name))


def settled(lab: Lab, spec: HostSpec) -> None:
    """Do once what needs a running server, and give it the programs of today."""
    name = lab.container(spec.name)
    script(name, BARE if spec.bare else FIREWALL, *spec.open_ports)
    script(name, TRUST, authority.TRUSTED)
    if spec.project:
        credentials.seal(name, spec.project)
        script(name, CHECKED_IN, projects.where(spec.project), user="claude-admin")
    script(name, BASELINE)
    programs(lab, spec)


def programs(lab: Lab, spec: HostSpec) -> None:
    """Give a server the programs that need root, as this opsbook has them."""
    if files := furnish.programs(spec):
        docker("cp", "-", f"{lab.container(spec.name)}:/", stdin=tar(files))


def origins(lab: Lab, spec: HostSpec, images: Images) -> tuple[str, ...]:
    """Name what a server cannot outlive: its image store, and the git server whose history it has."""
    inner = (store.name(images),) if spec.docker else ()
    return (*inner, containers.identity(lab.container(gitserver.NAME))) if GIT in spec.needs else inner


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


def mirror_server(lab: Lab, images: Images, address: str, progress: Progress, releases: Path) -> None:
    """Bring the mirror up."""
    box = mirror.box(images.servers.plain, address, releases.name)
    if reusable(lab, box):
        progress("mirror: reused")
    else:
        make(lab, box, tar(mirror.files(releases)))
        progress("mirror: made")
    script(lab.container(mirror.NAME), mirror.SERVE)


def booted(lab: Lab, spec: HostSpec) -> None:
    """Wait until systemd has started everything, and the engine answers where there is one."""
    name = lab.container(spec.name)
    until(f"{spec.name} boots", lambda: systemd(name) in BOOTED, BOOTS_WITHIN, saw=lambda: systemd(name))


def systemd(name: str) -> str:
    """Ask systemd how far it is."""
    return attempt("exec", name, "systemctl", "is-system-running", "--wait", within=BOOTS_WITHIN).stdout.decode().strip()


def servers(lab: Lab, profile: Profile, site: Site) -> dict[str, int]:
    """Bring all servers up side by side; return their ports."""
    with ThreadPoolExecutor() as pool:
        started = {spec.name: pool.submit(server, lab, spec, site) for spec in profile.hosts}
        return {name: future.result() for name, future in started.items()}
