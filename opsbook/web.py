"""HTTP requests as values, and their way over a connection that somebody else opened."""

from __future__ import annotations

import base64
import urllib.parse
from dataclasses import dataclass, field

from opsbook.shell import Secret

KEPT = "%/:=&?~+!$,;'@()*[]"     # stands in a target as it is; spaces, controls and # are encoded


@dataclass(frozen=True)
class Request:
    """A request to a service of the host's stack, whose place is asked of the host; or, `at` a place, to what is no such service."""

    service: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: str | None = None
    content_type: str = "application/json"
    at: Endpoint | None = None

    @property
    def target(self) -> str:
        """Return path and encoded query."""
        return self.path + ("?" + urllib.parse.urlencode(self.query) if self.query else "")

    def __str__(self) -> str:
        return f"{self.method} {self.service} {urllib.parse.unquote_plus(self.target)}"


@dataclass(frozen=True)
class Endpoint:
    """Where a service answers, as seen from its host."""

    scheme: str = "http"
    address: str = "127.0.0.1"
    port: int = 80
    container: str | None = None                # set when only a process inside this container reaches it
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)
    prefix: str = ""                            # path under which it serves everything (--web.route-prefix)

    def target(self, request: Request) -> str:
        """Return what is asked of this endpoint: prefix, path and encoded query."""
        return urllib.parse.quote(self.prefix + request.target, safe=KEPT)

    def headers(self) -> dict[str, str]:
        """Return the headers that every request to this endpoint carries."""
        found = {"User-Agent": "opsbook", "Accept": "application/json"}
        if self.username is not None and self.password is not None:
            pair = f"{self.username}:{self.password.value}".encode()
            found["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        return found
