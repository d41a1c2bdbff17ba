"""Processes on the host that live longer than one answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import paramiko

from opsbook.errors import CommandFailed
from opsbook.shell import Command, script
from opsbook.ssh.session import CHUNK, begin, end, lost, release

# Ends with its standard input, which is our end of the connection: a follower that outlived its operator would run for weeks.
# A process group of its own, so that every part of a pipe ends; background jobs would read /dev/null but for descriptor 3.
LEASH = r"""
exec 3<&0
setsid "$@" </dev/null 3<&- & child=$!
{ while read -r -u 3 _; do :; done; kill -TERM -- "-$child"; sleep 2; kill -KILL -- "-$child"; } >/dev/null 2>&1 & guard=$!
exec 3<&-
wait "$child"; code=$?
kill "$guard" 2>/dev/null
kill -KILL -- "-$child" 2>/dev/null     # parts of it that outlived its first process
exit "$code"
"""


@dataclass
class LongTalk:
    """One process with lines in and lines out (a `talk.Talk`)."""

    transport: paramiko.Transport
    channel: paramiko.Channel
    on_close: Callable[[], None]
    _rest: bytearray = field(default_factory=bytearray)
    _closed: bool = False

    def send(self, line: str) -> None:
        """Send the line; raise ConnectionLost when it cannot be sent."""
        try:
            self.channel.sendall(f"{line}\n".encode(errors="surrogateescape"))
        except (OSError, EOFError):
            raise lost() from None

    def receive(self, within: float) -> str:
        """Return the next line; raise TimeoutError, EOFError when the process has ended, ConnectionLost when we no longer hear it."""
        deadline = time.monotonic() + within
        while b"\n" not in self._rest:
            self.channel.settimeout(max(deadline - time.monotonic(), 0.001))
            chunk = self.channel.recv(CHUNK)
            if not chunk:
                return self._last_line()
            self._rest += chunk
        line, _, rest = bytes(self._rest).partition(b"\n")
        self._rest = bytearray(rest)
        return line.decode(errors="replace")

    def code(self, within: float) -> int:
        """Return the exit code after the end; raise TimeoutError."""
        return end(self.channel, self.transport, within)

    def close(self) -> None:
        """End the conversation; the process reads the end of its input."""
        release(self.channel)
        if not self._closed:
            self._closed = True
            self.on_close()

    def _last_line(self) -> str:
        if self._rest:
            line, self._rest = bytes(self._rest), bytearray()
            return line.decode(errors="replace")
        if not self.channel.eof_received:
            raise lost()
        raise EOFError


def follow(transport: paramiko.Transport, command: Command) -> Iterator[str]:
    """Yield the lines of both outputs as they come; the process ends with the iterator. Raise CommandFailed if it ends badly by itself."""
    channel = begin(transport, Command((*script(LEASH).words, *command.words)))
    channel.set_combine_stderr(True)
    try:
        yield from _lines(channel)
        code = end(channel, transport, within=5)
    finally:
        release(channel)
    if code:
        raise CommandFailed(f"`{command}` ended with code {code}")


def _lines(channel: paramiko.Channel) -> Iterator[str]:
    rest = b""
    while chunk := channel.recv(CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
    if not channel.eof_received:
        raise lost()
    if rest:
        yield rest.decode(errors="replace")
