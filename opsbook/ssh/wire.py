"""A channel of somebody else's connection with the manners of a socket, plain or under TLS: what `http.client` needs of one."""

from __future__ import annotations

import io
import ssl
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 65536


class Bytes(Protocol):
    """Bytes in, bytes out: an SSH channel."""

    def recv(self, size: int, /) -> bytes:
        """Return what has come, nothing at the end; raise TimeoutError."""

    def sendall(self, data: bytes, /) -> None:
        """Send it all; raise OSError."""

    def settimeout(self, seconds: float, /) -> None:
        """Set how long one call may take."""

    def close(self) -> None:
        """End it."""


class Wire:
    """A channel with a deadline for everything that is done over it."""

    def __init__(self, channel: Bytes) -> None:
        self.channel = channel
        self.deadline = 0.0

    def recv(self, size: int) -> bytes:
        """Return what has come, nothing at the end; raise TimeoutError at the deadline."""
        self.channel.settimeout(self._left())
        return self.channel.recv(size)

    def sendall(self, data: bytes) -> None:
        """Send it all; raise TimeoutError at the deadline."""
        self.channel.settimeout(self._left())
        self.channel.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - http.client asks for "rb" only
        """Return a reader that outlives `close`."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Do nothing: http.client closes its socket before it has read a body that ends with the connection."""

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class Sealed:
    """TLS over a channel; `ssl` itself wraps real sockets only."""

    def __init__(self, channel: Bytes, name: str) -> None:
        self._channel = channel
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._in, self._out, server_hostname=name)
        self.settimeout, self.close = channel.settimeout, channel.close

    def recv(self, size: int) -> bytes:
        """Return what has come in the clear, nothing at the end."""
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._pump()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):   # many servers just hang up; SSH tells a cut connection from that
                return b""

    def sendall(self, data: bytes) -> None:
        """Send it all, sealed."""
        self.shake_hands()
        self._tls.write(data)
        self._flush()

    def shake_hands(self) -> None:
        """Agree on keys with the other end."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._pump()
            else:
                return

    def _pump(self) -> None:
        self._flush()
        came = self._channel.recv(CHUNK)
        if came:
            self._in.write(came)
        else:
            self._in.write_eof()

    def _flush(self) -> None:
        if waiting := self._out.read():
            self._channel.sendall(waiting)


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        came = self._wire.recv(len(room))
        room[: len(came)] = came
        return len(came)


def _context() -> ssl.SSLContext:
    """Return TLS that checks no name: SSH has proven the host, and the address we ask there stands in no certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
