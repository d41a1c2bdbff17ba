"""On which ports sshd really listens, and by which of them we came."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import script
from opsbook.systems.root_view import Told

VIEW = ("sshd", "sockets")          # what opsbook-look is asked for
LISTENS = re.compile(r"(?:^|[=:\s])(\d+) \(Stream\)")


@dataclass(frozen=True)
class Login:
    """One end of our own connection as the host sees it: our address, and its port."""

    client: str
    port: int


def login() -> Read[Login]:
    """Whence we come, and by which port."""
    return Read(script('printf "%s\\n" "$SSH_CONNECTION"'), parse_login)


def parse_login(result: Result) -> Login:
    """Given the variable SSH_CONNECTION, return it as a value."""
    client, _, _, port = result.out.split()
    return Login(client, int(port))


def parse_ports(told: Mapping[str, Told]) -> tuple[int, ...]:
    """Given what opsbook-look tells of `VIEW`, return the ports: those of the socket where systemd starts sshd, else sshd's own."""
    socket = next((block for block in told["sockets"].text.split("\n\n") if "Id=ssh.socket" in block.splitlines()), "")
    if "ActiveState=active" in socket.splitlines():
        return tuple(sorted({int(port) for port in LISTENS.findall(socket)}))
    sshd = told["sshd"]
    if sshd.code:
        raise ValueError(f"sshd does not tell its settings: {sshd.text}".strip())
    return tuple(sorted({int(line.rpartition(":")[2]) for line in sshd.text.splitlines() if line.startswith("listenaddress ")}))
