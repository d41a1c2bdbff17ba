"""How the first hop is dialled; tests plug in a dialer that refuses every address but loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable

Dial = Callable[[str, int, float], socket.socket]

SILENCE = 30    # seconds after which a peer that answers nothing counts as gone; the watch on the host waits as long for us


def dial_tcp(host: str, port: int, timeout: float) -> socket.socket:
    """Connect to host and port within `timeout` seconds."""
    return socket.create_connection((host, port), timeout)


class Brisk(socket.socket):
    """A connected socket without the waits that two careful ends impose on each other."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(fileno=connected.detach())
        self.setblocking(True)      # the descriptor still has the dialler's time limit
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)     # else each command takes 40 ms longer
        self.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what has come, acknowledged at once: until then sshd holds back its answer to our first command, for 40 ms."""
        came = super().recv(size, flags)
        if hasattr(socket, "TCP_QUICKACK"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)     # lasts for a moment only
        return came
