"""HTTP to the services of a host, by whichever of three ways leads there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import paramiko

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.shell import Command
from opsbook.ssh.curl import NO_CURL, by_curl, parse_curl
from opsbook.ssh.exchange import Exchange
from opsbook.ssh.session import CHUNK, begin, release, text
from opsbook.ssh.tunnel import Forbidden, Tunnel, forward, inside
from opsbook.web import Endpoint, Request

NO_WAY = "refused: nothing listens there; or the host's sshd has AllowTcpForwarding no, which looks alike, and the host has no curl"


@dataclass
class Services:
    """A forwarded port where sshd allows it, else curl on the host; `docker exec` for what only a container reaches."""

    run: Callable[[Command, str | None, float], Result]
    slot: Callable[[float], AbstractContextManager[None]]
    forwarding: bool | None = None      # whether sshd forwards ports; None until it was seen
    _exchange: Exchange = field(default_factory=Exchange)

    def fetch(self, transport: paramiko.Transport, endpoint: Endpoint, request: Request, within: float) -> Result:
        """Send the request; raise ConnectionRefusedError, TimeoutError, CommandFailed or ConnectionLost."""
        if endpoint.container:
            return self._inside(transport, endpoint, request, within)
        if self.forwarding is False:
            return self._by_curl(endpoint, request, within)
        try:
            return self._exchange.fetch(lambda left: self._forward(transport, endpoint, left), endpoint, request, within)
        except Forbidden:
            return self._by_curl(endpoint, request, within)

    def _forward(self, transport: paramiko.Transport, endpoint: Endpoint, within: float) -> Tunnel:
        try:
            tunnel = forward(transport, endpoint, within)
        except ConnectionRefusedError:
            if self.forwarding:
                raise
            raise Forbidden from None       # or nothing listens: curl will tell
        self.forwarding = True
        return tunnel

    def _by_curl(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        command, config = by_curl(endpoint, request, within)
        result = self.run(command, config, within + 5)
        if result.code == NO_CURL:
            raise ConnectionRefusedError(NO_WAY)
        answer = parse_curl(result, request)
        self.forwarding = False
        return answer

    def _inside(self, transport: paramiko.Transport, endpoint: Endpoint, request: Request, within: float) -> Result:
        with self.slot(within):
            channel = begin(transport, inside(endpoint), within)
            try:
                return Exchange().fetch(lambda _: Tunnel(channel), endpoint, request, within)
            except CommandFailed as failed:
                failed.saw = _complaint(channel) or failed.saw
                raise
            finally:
                release(channel)


def _complaint(channel: paramiko.Channel) -> str:
    """Return what `docker exec` or the program inside said."""
    channel.settimeout(1)
    try:
        return text([channel.recv_stderr(CHUNK)]).strip()
    except TimeoutError:
        return ""
