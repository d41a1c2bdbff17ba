"""Whether the key that a hop shows is the one we know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsbook.errors import HostKeyChanged, HostKeyUnknown, Unreachable
from opsbook.ssh.known_hosts import HostKey, Known, lookup
from opsbook.ssh.route import Hop

FILES = (Path("~/.ssh/known_hosts"), Path("~/.ssh/known_hosts2"), Path("/etc/ssh/ssh_known_hosts"))

Settle = Callable[[Hop, HostKey, tuple[Known, ...]], None]     # meets a key that is not known: raises, or returns to go on


@dataclass(frozen=True)
class Trust:
    """The files of known keys, and what happens when they do not know the one that is shown."""

    files: tuple[Path, ...]
    settle: Settle

    def known(self, hop: Hop) -> tuple[Known, ...]:
        """Return what the files say of the hop."""
        return lookup(self.files, hop.known_as)

    def judge(self, hop: Hop, shown: HostKey) -> None:
        """Return if the key is known, or was settled."""
        known = self.known(hop)
        if not is_known(known, shown):
            self.settle(hop, shown, known)


def is_known(known: tuple[Known, ...], shown: HostKey) -> bool:
    """Return whether one of the lines holds this very key and none revokes it."""
    same = [line for line in known if line.key.blob == shown.blob]
    return bool(same) and not any(line.revoked for line in same)


def refuse(host: str) -> Settle:
    """Return the way of every run: no key is trusted that was not known before. `host` is the one that the operator named."""

    def settle(hop: Hop, shown: HostKey, known: tuple[Known, ...]) -> None:
        raise refused(hop, shown, known, host)

    return settle


def refused(hop: Hop, shown: HostKey, known: tuple[Known, ...], host: str) -> Unreachable:
    """Return the error for a key that the files do not hold."""
    if not known:
        return HostKeyUnknown(
            f"the host key of {hop} is not known yet",
            saw=str(shown),
            next=f"opsbook trust {host}",
            host=hop.name,
        )
    return HostKeyChanged(
        f"THE HOST KEY OF {hop} HAS CHANGED: somebody may be listening in, or the host was set up anew; do not go on before you know which",
        saw="\n".join([f"shown:   {shown}", *(f"{'revoked:' if line.revoked else 'known:  '} {line}" for line in known)]),
        next=f"on the host's own console: {_printed_by(shown)}; only if it prints the shown one: opsbook trust {host} --replace",
        host=hop.name,
    )


def _printed_by(key: HostKey) -> str:
    """Return the command that prints the fingerprint on the host itself."""
    kind = "ecdsa" if key.type.startswith("ecdsa") else key.type.removeprefix("ssh-")
    return f"ssh-keygen -lf /etc/ssh/ssh_host_{kind}_key.pub"
