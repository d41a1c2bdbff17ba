"""The stand-ins' HTTP: a threaded server over a table of routes, and a client for their own calls."""

from __future__ import annotations

import http.client
import json
import signal
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .exposition import Metrics
from .settings import host_and_port

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def parameters(self) -> dict[str, list[str]]:
        """Return the parameters of the address, and of a posted form."""
        form = self.body.decode() if self.headers.get("content-type", "").startswith(FORM) else ""
        return parse_qs("&".join(part for part in (self.query, form) if part))


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    kind: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK


Route = Callable[[Ask], Answer]
Routes = Mapping[str, Route]


def say(text: str, status: int = 200) -> Answer:
    return Answer(status, text.encode())


def tell(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), JSON)


def metrics_route(metrics: Metrics) -> Route:
    return lambda _: Answer(200, metrics.page().encode(), "text/plain; version=0.0.4; charset=utf-8")


class Server(ThreadingHTTPServer):
    """Serves a table of routes; a route that ends in / takes everything below it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, routes: Routes) -> None:
        self.routes = routes
        super().__init__(host_and_port(address), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self) -> None:
        """Bind without looking our own name up: a slow resolver would delay the start."""
        socketserver.TCPServer.server_bind(self)

    def find(self, path: str) -> Route:
        exact = self.routes.get(path)
        below = (route for prefix, route in self.routes.items() if prefix.endswith("/") and path.startswith(prefix))
        return exact or next(below, lambda _: say("404 page not found\n", 404))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        where = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        answer = self.server.find(where.path)(Ask(self.command, where.path, where.query, headers, body))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """The real programs do not log requests either."""


def ask(url: str, body: bytes | None = None, kind: str = FORM, within: float = 5.0) -> Answer:
    """Send one request. Raise OSError when nobody answers in time."""
    where = urlsplit(url)
    link = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=within)
    try:
        target = where.path + (f"?{where.query}" if where.query else "")
        link.request("GET" if body is None else "POST", target, body, {} if body is None else {"Content-Type": kind})
        reply = link.getresponse()
        return Answer(reply.status, reply.read(), reply.headers.get("Content-Type", TEXT))
    except http.client.HTTPException as error:
        raise OSError(f"{where.netloc}: not HTTP: {error!r}") from error
    finally:
        link.close()


@dataclass(frozen=True)
class Life:
    """The time until somebody asks us to go, or until we must."""

    over: threading.Event
    failures: list[str]

    @classmethod
    def begin(cls) -> Life:
        life = cls(threading.Event(), [])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: life.over.set())
        return life

    def fail(self, reason: str) -> None:
        self.failures.append(reason)
        self.over.set()

    def repeat(self, every: Callable[[], float]) -> None:
        """Call in the background, each time after the seconds that the last call returned."""

        def loop() -> None:
            while not self.over.wait(every()):
                continue

        threading.Thread(target=loop, daemon=True).start()
