"""A mirror of releases on loopback, for tests of whoever fetches."""

from __future__ import annotations

import functools
import hashlib
import http.server
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

    def offer(self, name: str, content: bytes, *, sum_of: bytes | None = None) -> str:
        """Offer a file; return the sum that the list gives, which may be that of something else."""
        digest = hashlib.sha256(content if sum_of is None else sum_of).hexdigest()
        (self.folder / name).write_bytes(content)
        with (self.folder / SUMS).open("a") as sums:
            sums.write(f"{digest}  {name}\n")
        return digest


@contextmanager
def a_mirror(folder: Path) -> Iterator[Mirror]:
    """Serve the folder until the block ends."""
    folder.mkdir()
    mirror = Mirror("", folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, mirror, directory=str(folder))) as server:
        mirror.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield mirror
        finally:
            server.shutdown()
            thread.join()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files; some break off."""

    def __init__(self, mirror: Mirror, *args: Any, **more: Any) -> None:
        self.mirror = mirror
        super().__init__(*args, **more)

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.mirror.asked.append(name)
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
