"""Channels that carry bytes to a service: a forwarded port, or a program inside a container."""

from __future__ import annotations

import time

import paramiko

from opsbook.shell import Command, cmd
from opsbook.ssh.session import is_alive, lost, release
from opsbook.web import Endpoint

PROHIBITED = 1      # what a well-behaved sshd says when forwarding is forbidden; many say the same as for a refused port

# $1 address, $2 port. Whatever the image has; `docker exec` needs no network of its own.
INSIDE = r"""
for nc in nc busybox /busybox/busybox; do
  command -v "$nc" >/dev/null 2>&1 || continue
  [ "$nc" = nc ] && exec nc "$1" "$2"
  exec "$nc" nc "$1" "$2"
done
exec bash -c 'exec 4<&0 3<>"/dev/tcp/$1/$2" && { cat <&4 >&3 & cat <&3; kill $!; }' bash "$1" "$2"
"""


class Tunnel:
    """A channel that tells a connection that broke from one that ended."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self.channel = channel
        self.sendall, self.settimeout = channel.sendall, channel.settimeout

    def recv(self, size: int) -> bytes:
        """Return what has come, nothing at the end; raise ConnectionLost if the end was not the service's."""
        came: bytes = self.channel.recv(size)
        if not came and not self.channel.eof_received:
            raise lost()
        return came

    def close(self) -> None:
        """End it, be it through a connection that is breaking at this moment."""
        release(self.channel)


class Relay:
    """A channel of a jump host as the socket of the next hop, with what paramiko needs of one."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self.send, self.recv, self.settimeout, self.getpeername = channel.send, channel.recv, channel.settimeout, channel.getpeername

    @property
    def _closed(self) -> bool:      # paramiko looks at this attribute of real sockets
        return bool(self._channel.closed)

    def close(self) -> None:
        """End it; paramiko closes its socket in a thread of its own, where an error would land on the screen."""
        release(self._channel)


class Forbidden(Exception):
    """The host's sshd forwards no ports, or not this one."""


def forward(transport: paramiko.Transport, endpoint: Endpoint, within: float) -> Tunnel:
    """Return a channel to the endpoint; raise ConnectionRefusedError, Forbidden, TimeoutError or ConnectionLost."""
    begun = time.monotonic()
    try:
        channel = transport.open_channel("direct-tcpip", (endpoint.address, endpoint.port), ("127.0.0.1", 0), timeout=within)
    except paramiko.ChannelException as refused:
        if refused.code == PROHIBITED:
            raise Forbidden from None
        raise ConnectionRefusedError(refused.text) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        if not is_alive(transport):
            raise lost() from None
        if time.monotonic() - begun < within:   # refused, and the reason went to another thread that was refused at the same time
            raise ConnectionRefusedError(str(error)) from None
        raise TimeoutError from None
    return Tunnel(channel)


def inside(endpoint: Endpoint) -> Command:
    """Return the command that carries bytes to a port which only the endpoint's container reaches."""
    return cmd("docker", "exec", "--interactive", endpoint.container, "sh", "-c", INSIDE, "opsbook", endpoint.address, endpoint.port)
