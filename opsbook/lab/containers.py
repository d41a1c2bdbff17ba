"""How a server is played by a container: the arguments, and making it once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from opsbook.lab.docker import attempt, docker, removed
from opsbook.lab.lab import Lab

# `--privileged` fails where the machine itself lacks one capability; these suffice for systemd, UFW and a nested Docker.
CAPABILITIES = (
    "SYS_ADMIN",
    "NET_ADMIN",
    "NET_RAW",
    "SYS_PTRACE",
    "SYS_CHROOT",
    "MKNOD",
    "DAC_READ_SEARCH",
    "SYS_NICE",
    "SETFCAP",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SYSLOG",
    "IPC_LOCK",
    "LINUX_IMMUTABLE",
    "SYS_BOOT",
)
SERVER = (
    *(f"--cap-add={capability}" for capability in CAPABILITIES),
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--tmpfs=/run",
    "--tmpfs=/tmp:exec",
    "--stop-signal=SIGRTMIN+3",
    "--env=container=docker",
)
# systemd 257 refuses the old control groups unless it is told twice.
OLD_CGROUPS = "--env=SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
SPEC = "opsbook.lab.spec"


@dataclass(frozen=True)
class Box:
    """A container to be: everything that, when it differs, asks for a new one."""

    host: str
    image: str
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    content: str = ""  # a digest of what was put into it

    @property
    def spec(self) -> str:
        """A digest of all this."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def create(self, lab: Lab) -> tuple[str, ...]:
        """Build the arguments of `docker create`."""
        labels = (f"--label={lab.label}", f"--label={SPEC}={self.spec}")
        return ("create", f"--name={lab.container(self.host)}", *labels, *self.network(lab), *self.arguments, self.image, *self.command)

    def network(self, lab: Lab) -> tuple[str, ...]:
        """Return the arguments that connect it to its neighbours, who know it by its name."""
        return (f"--network={lab.network}", f"--hostname={self.host}", f"--network-alias={self.host}")


def server(cgroups: str) -> tuple[str, ...]:
    """Return the arguments that let a container be a server, by the version of the engine's control groups."""
    return (*SERVER, OLD_CGROUPS) if cgroups == "1" else SERVER


def reusable(lab: Lab, box: Box) -> bool:
    """Tell whether this very box is there and running; a stopped one is started, which costs less than a new one."""
    name = lab.container(box.host)
    shown = attempt("container", "inspect", "--format", f'{{{{index .Config.Labels "{SPEC}"}}}} {{{{.State.Status}}}}', name)
    spec, _, status = shown.stdout.decode().strip().partition(" ")
    if spec != box.spec:
        return False
    return status == "running" or (status == "exited" and attempt("start", name).returncode == 0)


def make(lab: Lab, box: Box, files: bytes) -> None:
    """Create the container afresh, put files into it while it stands still, and start it."""
    name = lab.container(box.host)
    removed("container", [name])
    docker(*box.create(lab))
    docker("cp", "-", f"{name}:/", stdin=files)
    docker("start", name)


def identity(name: str) -> str:
    """Return the id of a container, which a new one of the same name does not share."""
    return docker("container", "inspect", "--format={{.Id}}", name).strip()


def address(name: str, port: int = 22) -> int:
    """Return the loopback port of this machine that leads to a container's port."""
    shown = docker("port", name, f"{port}/tcp")
    return int(shown.splitlines()[0].rpartition(":")[2])
