"""Small services on loopback, as one meets them: plain, old, closing, silent, sealed."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

BODY = "0123456789abcdef" * 200_000      # 3.2 MB


@dataclass
class Seen:
    """What the service has seen."""

    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    connections: int = 0
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Service:
    """A running service."""

    port: int
    seen: Seen


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"
    seen: Seen

    def setup(self) -> None:
        super().setup()
        self.seen.connections += 1

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""

    def _answer(self, body: str) -> None:
        self.seen.requests.append((self.command, self.path, dict(self.headers), body))
        answer: Callable[[], None] = getattr(self, "_" + self.path.split("?")[0].strip("/").replace("-", "_"), self._ok)
        answer()

    def _ok(self) -> None:
        self._send(200, f"{self.command} {self.path}")

    def _send(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def _big(self) -> None:
        self._send(200, BODY)

    def _old(self) -> None:
        self.protocol_version = "HTTP/1.0"
        self._closing()

    def _closing(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(BODY.encode())

    def _chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"part")
        self.close_connection = True

    def _redirect(self) -> None:
        self._send(302, "", Location="http://192.0.2.1/elsewhere")

    def _secret(self) -> None:
        # admin:s3cret"\n in the clear would be too easy
        self._send(200 if self.headers.get("Authorization") == "Basic YWRtaW46czNjInJldFxu" else 401, "who?")

    def _missing(self) -> None:
        self._send(404, "there is no such thing\n")

    def _silent(self) -> None:
        self.seen.stop.wait(30)

    def _dripping(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.seen.stop.wait(0.1):
            self.wfile.write(b".")
            self.wfile.flush()


@contextmanager
def serve(tls: Path | None = None, port: int = 0) -> Iterator[Service]:
    """Run a service until the end of the block; `tls` is a file with certificate and key."""
    seen = Seen()
    handler = type("OneHandler", (Handler,), {"seen": seen})
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign, assignment]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield Service(server.server_address[1], seen)
        finally:
            seen.stop.set()
            server.shutdown()
            thread.join()
