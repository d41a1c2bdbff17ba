"""A dialer for tests: nothing beyond this machine is ever dialled."""

from __future__ import annotations

import ipaddress
import socket

from opsbook.ssh import dial_tcp


def loopback_only(host: str, port: int, timeout: float) -> socket.socket:
    """Dial a loopback address; raise AssertionError for any other."""
    if not ipaddress.ip_address(host).is_loopback:
        raise AssertionError(f"a test wanted to dial {host}:{port}")
    return dial_tcp(host, port, timeout)
