"""What is in a host when it starts: keys, sshd's settings, the rights of claude-admin."""

from __future__ import annotations

from pathlib import Path

from opsbook.lab import keys
from opsbook.lab.lab import Lab
from opsbook.lab.placing import ADMIN, GIT, Placed, folder, text
from opsbook.lab.profile import HostSpec

HOME = "/home/claude-admin"
HERE = Path(__file__).parent / "etc"
BUCKET_OWNER = 65534


def host_files(lab: Lab, spec: HostSpec) -> tuple[Placed, ...]:
    """List the files of a server."""
    files = (
        *sshd_files(lab, spec.name, "sshd.conf"),
        text("/etc/sudoers.d/claude-admin", (HERE / "sudoers").read_text(), mode=0o440),
        *authorized(lab.key, HOME, ADMIN),
    )
    return (*files, *stack_files(lab)) if spec.stack else files


def stack_files(lab: Lab) -> tuple[Placed, ...]:
    """List what a host with a stack needs besides: a way to the config repo, the checkout's place, the bucket."""
    return (
        text(f"{HOME}/.ssh/id_ed25519", keys.deploy(lab).read_text(), mode=0o600, owner=ADMIN),
        text(f"{HOME}/.ssh/known_hosts", keys.known(lab, "git", "git"), owner=ADMIN),
        folder("/opt/p24-infra", owner=ADMIN),
        folder("/srv/thanos-bucket", owner=BUCKET_OWNER),
    )


def git_files(lab: Lab) -> tuple[Placed, ...]:
    """List the files of the git server."""
    return (*sshd_files(lab, "git", "sshd.conf"), *authorized(keys.deploy(lab), "/home/git", GIT))


def sshd_files(lab: Lab, host: str, settings: str) -> tuple[Placed, ...]:
    """List a host's key pair and sshd's settings."""
    key = keys.host_key(lab, host)
    return (
        text("/etc/ssh/ssh_host_ed25519_key", key.read_text(), mode=0o600),
        text("/etc/ssh/ssh_host_ed25519_key.pub", keys.public(key).read_text()),
        text("/etc/ssh/sshd_config.d/10-lab.conf", (HERE / settings).read_text()),
    )


def authorized(key: Path, home: str, owner: int) -> tuple[Placed, ...]:
    """Let a key in."""
    ssh = f"{home}/.ssh"
    return (folder(ssh, mode=0o700, owner=owner), text(f"{ssh}/authorized_keys", keys.public(key).read_text(), mode=0o600, owner=owner))
