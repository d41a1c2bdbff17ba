"""A server on loopback that speaks TLS, for tests: it shows a certificate of the test's, and answers requests as it is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass
class Served:
    """Where it listens, what it was asked, and how it answers."""

    port: int
    status: int = 200
    location: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)     # Host, path, Authorization


@contextmanager
def serving(chain: bytes, key: bytes, folder: Path) -> Iterator[Served]:
    """Serve until the block ends."""
    pem = folder / "server.pem"
    pem.write_bytes(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.headers["Host"], self.path, self.headers.get("Authorization", "")))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that breaks the handshake off is what some tests are about."""

    server = Quiet((LOOPBACK, 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    told = Served(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
