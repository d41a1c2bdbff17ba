"""The lab's keys: the operator's, the deploy key, and each host's own, kept as long as the lab is."""

from __future__ import annotations

import subprocess
from pathlib import Path

from opsbook.lab.docker import LabError
from opsbook.lab.lab import Lab


def keys(lab: Lab, hosts: tuple[str, ...]) -> None:
    """Make the keys that are missing."""
    generate(lab.key, f"operator of {lab.name}")
    generate(deploy(lab), f"deploy key of {lab.name}")
    for host in hosts:
        generate(host_key(lab, host), host)


def generate(path: Path, comment: str) -> None:
    """Make an ed25519 key; the public half appears last, so half a pair is made anew."""
    if public(path).exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    made = subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise LabError("no key could be made", saw=made.stderr, next="install openssh-client")


def public(path: Path) -> Path:
    """Return the public half."""
    return path.with_name(f"{path.name}.pub")


def deploy(lab: Lab) -> Path:
    """Return the key with which a host may read the config repo."""
    return lab.folder / "keys" / "deploy"


def host_key(lab: Lab, host: str) -> Path:
    """Return a host's own key."""
    return lab.folder / "keys" / host


def known(lab: Lab, host: str, names: str) -> str:
    """Build a known_hosts line."""
    kind, key = public(host_key(lab, host)).read_text().split()[:2]
    return f"{names} {kind} {key}\n"
