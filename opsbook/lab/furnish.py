"""What is in a host when it starts: keys, sshd's settings, the rights of claude-admin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsbook import privileged
from opsbook.lab import authority, keys, projects
from opsbook.lab.lab import Lab
from opsbook.lab.placing import ADMIN, GIT_USER, Placed, folder, text
from opsbook.lab.profile import GIT, HostSpec

HOME = "/home/claude-admin"
HERE = Path(__file__).parent / "etc"
BUCKET_OWNER = 65534


def host_files(lab: Lab, spec: HostSpec, addresses: Mapping[str, str]) -> tuple[Placed, ...]:
    """List the files of a server, as far as a change of them asks for a new one."""
    basic = (*sshd_files(lab, spec.name), text(authority.TRUSTED, authority.certificate(lab).read_text()))
    if spec.bare:
        return (*basic, *authorized(lab.key, "/root", 0))
    files = (*basic, hardened(), *authorized(lab.key, HOME, ADMIN))
    if spec.project:
        files = (*files, *projects.files(spec.project, addresses))
    return (*files, *stack_files(lab)) if GIT in spec.needs else files


def programs(spec: HostSpec) -> tuple[Placed, ...]:
    """List what claude-admin may do as root, where it is a server that was provisioned: renewed whenever the lab comes up."""
    if not spec.provisioned:
        return ()
    acts = (text(act.path, act.text, mode=0o755) for act in privileged.ALL)
    return (*acts, text(privileged.SUDOERS, privileged.sudoers("claude-admin"), mode=0o440))


def hardened() -> Placed:
    """Let in by key only, and nobody as root."""
    return text("/etc/ssh/sshd_config.d/00-opsbook.conf", (HERE / "hardened.conf").read_text())


def stack_files(lab: Lab) -> tuple[Placed, ...]:
    """List what a host with a checkout needs besides: a way to the config repo, the checkout's place, the bucket."""
    return (
        text(f"{HOME}/.ssh/id_ed25519", keys.deploy(lab).read_text(), mode=0o600, owner=ADMIN),
        text(f"{HOME}/.ssh/known_hosts", keys.known(lab, "git", "git"), owner=ADMIN),
        folder("/opt/p24-infra", owner=ADMIN),
        folder("/srv/thanos-bucket", owner=BUCKET_OWNER),
    )


def git_files(lab: Lab) -> tuple[Placed, ...]:
    """List the files of the git server."""
    return (*sshd_files(lab, "git"), hardened(), *authorized(keys.deploy(lab), "/home/git", GIT_USER))


def light_files(lab: Lab) -> tuple[Placed, ...]:
    """List the files of the container that plays the light hosts."""
    return (*sshd_files(lab, "light"), hardened(), *authorized(lab.key, HOME, ADMIN))


def sshd_files(lab: Lab, host: str) -> tuple[Placed, ...]:
    """List a host's key pair and sshd's settings."""
    key = keys.host_key(lab, host)
    return (
        text("/etc/ssh/ssh_host_ed25519_key", key.read_text(), mode=0o600),
        text("/etc/ssh/ssh_host_ed25519_key.pub", keys.public(key).read_text()),
        text("/etc/ssh/sshd_config.d/10-lab.conf", (HERE / "sshd.conf").read_text()),
    )


def authorized(key: Path, home: str, owner: int) -> tuple[Placed, ...]:
    """Let a key in."""
    ssh = f"{home}/.ssh"
    return (folder(ssh, mode=0o700, owner=owner), text(f"{ssh}/authorized_keys", keys.public(key).read_text(), mode=0o600, owner=owner))
