"""An SSH server that lets everybody in, opens every channel, and never says whether a command starts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko

from opsbook.inventory import HostEntry
from opsbook.ssh.known_hosts import append, name_of
from tests.ssh.sshd import make_key, public_key


class Silent(paramiko.ServerInterface):
    """What the server allows."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.over.wait()
        return False


@contextmanager
def silent_server(folder: Path) -> Iterator[tuple[HostEntry, Path]]:
    """Run the server for one connection; give its entry and a file that knows its key."""
    key, client = make_key(folder / "silent"), make_key(folder / "client")
    silent, transports = Silent(), list[paramiko.Transport]()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def serve() -> None:
            transports.append(paramiko.Transport(listening.accept()[0]))
            transports[0].add_server_key(paramiko.Ed25519Key.from_private_key_file(str(key)))
            transports[0].start_server(server=silent)

        server = threading.Thread(target=serve)
        server.start()
        known = folder / "known_hosts"
        append(known, name_of("127.0.0.1", port), public_key(key))
        yield HostEntry("silent1", "127.0.0.1", port, "nobody", str(client)), known
        silent.over.set()
        server.join()
        for transport in transports:
            transport.close()
