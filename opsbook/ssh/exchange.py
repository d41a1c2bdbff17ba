"""HTTP over channels that lead to a service: redirects are not followed, the operator's proxy settings are not read."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from opsbook.counted import counted
from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.ssh.wire import Bytes, Sealed, Wire
from opsbook.web import Endpoint, Request

OpenChannel = Callable[[float], Bytes]


class Connection(http.client.HTTPConnection):
    """HTTP/1.1 over a channel; it never dials."""

    def __init__(self, channel: Bytes, endpoint: Endpoint) -> None:
        super().__init__(endpoint.address, endpoint.port)
        self.channel = channel
        self.wire = Wire(Sealed(channel, endpoint.address) if endpoint.scheme == "https" else channel)

    def connect(self) -> None:
        """Take the channel for the socket."""
        self.sock = self.wire

    def ask(self, endpoint: Endpoint, request: Request, deadline: float) -> http.client.HTTPResponse:
        """Send the request and return the answer, its body not yet read."""
        self.wire.deadline = deadline
        body = None if request.body is None else request.body.encode()
        headers = endpoint.headers() | ({} if body is None else {"Content-Type": request.content_type})
        self.request(request.method, endpoint.target(request), body, headers)
        return self.getresponse()


@dataclass
class Exchange:
    """Asks services; a connection that stays open serves the next question to the same endpoint."""

    _idle: dict[Endpoint, Connection] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, open_channel: OpenChannel, endpoint: Endpoint, request: Request, within: float) -> Result:
        """Return status and body; raise TimeoutError, or CommandFailed when what comes back is no HTTP."""
        started = time.monotonic()
        deadline = started + within
        # a kept connection may be stale, and only a question may be asked twice
        kept = self._take(endpoint) if request.method == "GET" else None
        answer = self._again(kept, endpoint, request, deadline) if kept else None
        if answer is None:
            answer = self._first(Connection(open_channel(within), endpoint), endpoint, request, deadline)
        status, body, remark = answer
        return Result(status, body.decode(errors="replace"), remark, time.monotonic() - started)

    def _take(self, endpoint: Endpoint) -> Connection | None:
        with self._lock:
            return self._idle.pop(endpoint, None)

    def _again(self, kept: Connection, endpoint: Endpoint, request: Request, deadline: float) -> tuple[int, bytes, str] | None:
        try:
            return self._answer(kept, endpoint, request, deadline)
        except TimeoutError:
            raise
        except (http.client.HTTPException, OSError):
            return None

    def _first(self, new: Connection, endpoint: Endpoint, request: Request, deadline: float) -> tuple[int, bytes, str]:
        try:
            return self._answer(new, endpoint, request, deadline)
        except TimeoutError:
            raise
        except ssl.SSLError as error:
            raise CommandFailed(f"no TLS with {request.service} on port {endpoint.port}", saw=error.reason or str(error)) from None
        except http.client.IncompleteRead as cut:
            raise CommandFailed(f"the answer of {request.service} broke off", saw=f"{counted(len(cut.partial), 'byte')} came") from None
        except (http.client.HTTPException, OSError) as error:
            raise CommandFailed(f"{request.service} gave no HTTP answer on port {endpoint.port}", saw=str(error)) from None

    def _answer(self, over: Connection, endpoint: Endpoint, request: Request, deadline: float) -> tuple[int, bytes, str]:
        kept = False
        try:
            response = over.ask(endpoint, request, deadline)
            body = response.read()
            kept = not response.will_close and self._keep(endpoint, over)
            return response.status, body, _remark(response)
        finally:
            if not kept:
                over.channel.close()

    def _keep(self, endpoint: Endpoint, connection: Connection) -> bool:
        with self._lock:
            return self._idle.setdefault(endpoint, connection) is connection


def _remark(response: http.client.HTTPResponse) -> str:
    location = response.getheader("Location")
    return f"it redirects to {location}" if location else ""
