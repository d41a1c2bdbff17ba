"""A mirror of releases on loopback, for tests of whoever fetches."""

from __future__ import annotations

import functools
import hashlib
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUMS = "sha256sums.txt"


@dataclass
class Mirror:
    """Files in a folder, and what was asked for."""

    url: str
    folder: Path
    asked: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)      # what breaks off half-way
    ill: set[str] = field(default_factory=set)      # what it has, and cannot give
    leads: dict[str, str] = field(default_factory=dict)     # what lies elsewhere, and where

    def offer(self, name: str, content: bytes, *, sum_of: bytes | None = None) -> str:
        """Offer a file; return the sum that the list gives, which may be that of something else."""
        digest = hashlib.sha256(content if sum_of is None else sum_of).hexdigest()
        (self.folder / name).write_bytes(content)
        with (self.folder / SUMS).open("a") as sums:
            sums.write(f"{digest}  {name}\n")
        return digest


@contextmanager
def a_mirror(folder: Path, *, by_tls: bool = False) -> Iterator[Mirror]:
    """Serve the folder until the block ends; with TLS its certificate lies beside the folder, and nobody trusts it unasked."""
    folder.mkdir()
    mirror = Mirror("", folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, mirror, directory=str(folder))) as server:
        mirror.url = f"{'https' if by_tls else 'http'}://127.0.0.1:{server.server_port}"
        if by_tls:
            server.socket = _context(folder.with_suffix(".pem")).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mirror
        finally:
            server.shutdown()
            thread.join()


def _context(path: Path) -> ssl.SSLContext:
    """Return what serves with a new certificate of its own, which lies at that path."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", str(path.with_suffix(".key"))]
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(path)]
    subprocess.run(["openssl", "req", "-x509", "-days", "2", *key, *name], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, path.with_suffix(".key"))
    return context


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files; some break off."""

    def __init__(self, mirror: Mirror, *args: Any, **more: Any) -> None:
        self.mirror = mirror
        super().__init__(*args, **more)

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.mirror.asked.append(name)
        if name in self.mirror.leads:
            self.send_response(302)
            self.send_header("Location", self.mirror.leads[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if name in self.mirror.ill:
            self.send_error(503)
            return
        if name not in self.mirror.cut:
            super().do_GET()
            return
        content = (self.mirror.folder / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.close_connection = True

    def log_message(self, *what: object) -> None:
        """Say nothing."""
