"""The stand-in for cAdvisor, as a real process beside an engine that is played on a socket."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from .standin_process import eventually, finished, free_address, port_of, running, status, text

ID = "a" * 64
CONTAINERS = [
    {"Id": ID, "Names": ["/app-web-1"], "Image": "python:3.12", "Created": 5, "Labels": {"com.docker.compose.service": "web"}}
]


@contextmanager
def engine(path: Path, containers: list[dict[str, object]]) -> Iterator[None]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(containers if self.path == "/containers/json" else {"Version": "26.1.5"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "engine"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with socketserver.ThreadingUnixStreamServer(str(path), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_every_container_is_a_series_with_its_name_and_one_that_is_gone_leaves_it(tmp_path: Path) -> None:
    address, shown = free_address(), list[dict[str, object]](CONTAINERS)
    flags = (f"--port={port_of(address)}", f"--docker=unix://{tmp_path}/engine", "--housekeeping_interval=100ms", "--docker_only=true")
    with engine(tmp_path / "engine", shown), running(tmp_path, "cadvisor", *flags) as cadvisor:
        eventually(lambda: 'name="app-web-1"' in text(address, "/metrics"), "the container is seen")
        page = text(address, "/metrics")
        seen = next(line for line in page.splitlines() if line.startswith("container_last_seen{") and "app-web-1" in line)
        assert f'id="/system.slice/docker-{ID}.scope"' in seen
        assert 'image="python:3.12"' in seen
        assert 'container_label_com_docker_compose_service="web"' in seen
        assert 'cadvisorVersion="v0.60.5",dockerVersion="26.1.5"' in page
        assert (status(address, "/healthz"), text(address, "/healthz")) == (200, "ok")
        shown.clear()
        eventually(lambda: "app-web-1" not in text(address, "/metrics"), "the container is gone")
        assert cadvisor.said('msg="opsbook lab stand-in, not the real cadvisor"')


def test_without_an_engine_it_is_healthy_and_knows_no_container(tmp_path: Path) -> None:
    address = free_address()
    with running(tmp_path, "cadvisor", f"--port={port_of(address)}", f"--docker=unix://{tmp_path}/none") as cadvisor:
        eventually(lambda: status(address, "/healthz") == 200, "healthy")
        eventually(lambda: cadvisor.said("Registration of the docker container factory failed"), "it says so")
        assert "name=" not in text(address, "/metrics")


def test_its_version_is_told_and_a_flag_that_the_real_one_does_not_have_is_refused(tmp_path: Path) -> None:
    assert finished(tmp_path, "cadvisor", "--version").stdout.startswith("cAdvisor version v0.60.5")
    refused = finished(tmp_path, "cadvisor", "--no-such-flag")
    assert refused.returncode == 2
    assert "flag provided but not defined: -no-such-flag" in refused.stderr
