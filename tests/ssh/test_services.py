from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.errors import CommandFailed, ConnectionLost
from opsbook.shell import Secret, cmd
from opsbook.ssh import Ssh
from opsbook.web import Endpoint, Request
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.service import BODY, Service, serve
from tests.ssh.sshd import Sshd, free_port

Reach = Callable[[Service], Ssh]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def without_forwarding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    running = Sshd(tmp_path_factory.mktemp("closed"), ("AllowTcpForwarding no",)).start()
    yield running
    running.stop()


@pytest.fixture(params=["by a forwarded port", "by curl on the host"])
def ssh(request: pytest.FixtureRequest, server: Sshd, without_forwarding: Sshd, connect: Connect) -> Ssh:
    return connect(server if request.param == "by a forwarded port" else without_forwarding)


def at(service: Service, scheme: str = "http") -> Endpoint:
    return Endpoint(scheme, "127.0.0.1", service.port)


def get(path: str) -> Request:
    return Request("prometheus", path)


def test_a_service_answers_with_status_and_body(ssh: Ssh, service: Service) -> None:
    result = ssh.fetch(at(service), get("/-/healthy"))
    assert (result.code, result.out) == (200, "GET /-/healthy")


def test_a_service_behind_a_path_prefix_is_asked_below_it(ssh: Ssh, service: Service) -> None:
    result = ssh.fetch(replace(at(service), prefix="/prometheus"), Request("prometheus", "/api/v1/query", (("query", "a b"),)))
    assert result.out == "GET /prometheus/api/v1/query?query=a+b"


@pytest.mark.parametrize("path", ["/big", "/closing", "/old"])
def test_three_megabytes_come_whole_whatever_way_the_body_ends(ssh: Ssh, service: Service, path: str) -> None:
    assert ssh.fetch(at(service), get(path)).out == BODY


def test_a_chunked_body_comes_whole(ssh: Ssh, service: Service) -> None:
    assert ssh.fetch(at(service), get("/chunked")).out == "abcde"


def test_a_body_arrives_as_it_was_sent(ssh: Ssh, service: Service) -> None:
    body = '{"ü": "quote \\" and \\\\ \n\t\r\v @file $(id)"}'
    ssh.fetch(at(service), Request("prometheus", "/api", (("match[]", '{a="b c"}'),), "POST", body))
    method, path, headers, came = service.seen.requests[-1]
    assert (method, path, came) == ("POST", "/api?match%5B%5D=%7Ba%3D%22b+c%22%7D", body)
    assert headers["Content-Type"] == "application/json"


def test_a_post_without_a_body_and_a_put_go_through(ssh: Ssh, service: Service) -> None:
    assert ssh.fetch(at(service), Request("prometheus", "/-/quit", method="PUT", body="x")).out == "PUT /-/quit"
    assert ssh.fetch(at(service), Request("prometheus", "/-/reload", method="POST", body="")).out == "POST /-/reload"


def test_an_error_status_is_an_answer_with_its_body(ssh: Ssh, service: Service) -> None:
    result = ssh.fetch(at(service), get("/missing"))
    assert (result.code, result.out) == (404, "there is no such thing\n")


def test_a_redirect_is_told_and_not_followed(ssh: Ssh, service: Service) -> None:
    result = ssh.fetch(at(service), get("/redirect"))
    assert result.code == 302
    assert "http://192.0.2.1/elsewhere" in result.err


def test_credentials_are_sent_when_there_are_any(ssh: Ssh, service: Service) -> None:
    assert ssh.fetch(at(service), get("/secret")).code == 401
    known = Endpoint("http", "127.0.0.1", service.port, username="admin", password=Secret('s3c"ret\\n'))
    assert ssh.fetch(known, get("/secret")).code == 200


def test_the_operators_and_the_hosts_proxy_settings_are_not_used(
    ssh: Ssh, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    assert ssh.fetch(at(service), get("/")).code == 200


def test_a_path_cannot_smuggle_another_request(ssh: Ssh, service: Service) -> None:
    before = len(service.seen.requests)
    ssh.fetch(at(service), get("/a HTTP/1.1\r\nHost: x\r\n\r\nGET /b#c"))
    assert [path for _, path, _, _ in service.seen.requests[before:]] == ["/a%20HTTP/1.1%0D%0AHost:%20x%0D%0A%0D%0AGET%20/b%23c"]


def test_a_port_on_which_nothing_listens_is_refused(ssh: Ssh) -> None:
    with pytest.raises(ConnectionRefusedError):
        ssh.fetch(Endpoint(port=free_port()), get("/"))


def test_a_service_that_says_nothing_is_given_up_in_time(ssh: Ssh, service: Service) -> None:
    with pytest.raises(TimeoutError):
        ssh.fetch(at(service), get("/silent"), 0.5)


def test_a_service_that_drips_is_given_up_in_time_too(ssh: Ssh, service: Service) -> None:
    with pytest.raises(TimeoutError):
        ssh.fetch(at(service), get("/dripping"), 0.7)


def test_an_answer_that_breaks_off_is_no_answer(ssh: Ssh, service: Service) -> None:
    with pytest.raises(CommandFailed):
        ssh.fetch(at(service), get("/cut"))


def test_something_that_is_no_http_is_told_so(ssh: Ssh, server: Sshd) -> None:
    with pytest.raises(CommandFailed, match="no HTTP answer"):
        ssh.fetch(Endpoint(port=server.port), get("/"), 5)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=elsewhere"]
    subprocess.run([*made, "-keyout", file, "-out", f"{file}.crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    with serve(tls=file) as running:
        yield running


@pytest.mark.parametrize("path", ["/big", "/closing"])
def test_a_sealed_service_answers_whole(ssh: Ssh, sealed: Service, path: str) -> None:
    assert ssh.fetch(at(sealed, "https"), get(path)).out == BODY


def test_a_plain_service_asked_for_tls_is_told_so(ssh: Ssh, service: Service) -> None:
    with pytest.raises(CommandFailed):
        ssh.fetch(at(service, "https"), get("/"), 5)


def test_a_connection_is_kept_for_the_next_question(server: Sshd, connect: Connect) -> None:
    ssh = connect(server)
    with serve() as own:
        for _ in range(5):
            assert ssh.fetch(at(own), get("/")).code == 200
        assert own.seen.connections == 1


def test_a_sealed_connection_is_kept_too(server: Sshd, connect: Connect, sealed: Service) -> None:
    ssh = connect(server)
    before = sealed.seen.connections
    for _ in range(3):
        assert ssh.fetch(at(sealed, "https"), get("/")).code == 200
    assert sealed.seen.connections == before + 1


def test_a_kept_connection_that_a_restart_has_closed_is_replaced(server: Sshd, connect: Connect) -> None:
    ssh, port = connect(server), free_port()
    for _ in range(2):
        with serve(port=port) as own:
            assert ssh.fetch(at(own), get("/")).code == 200
            assert ssh.fetch(at(own), get("/")).code == 200


def test_a_change_is_never_sent_twice(server: Sshd, connect: Connect) -> None:
    ssh = connect(server)
    with serve() as own:
        ssh.fetch(at(own), get("/"))
        with pytest.raises(CommandFailed):
            ssh.fetch(at(own), Request("prometheus", "/cut", method="POST", body=""))
        assert [method for method, *_ in own.seen.requests] == ["GET", "POST"]


def test_whether_sshd_forwards_ports_is_known_once_it_was_seen(
    server: Sshd, without_forwarding: Sshd, connect: Connect, service: Service
) -> None:
    opened, closed = connect(server), connect(without_forwarding)
    assert (opened.forwarding, closed.forwarding) == (None, None)
    for ssh in (opened, closed):
        ssh.fetch(at(service), get("/"))
    assert (opened.forwarding, closed.forwarding) == (True, False)


def test_services_asked_side_by_side_all_answer_without_forwarding(without_forwarding: Sshd, connect: Connect, service: Service) -> None:
    ssh = connect(without_forwarding)
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda _: ssh.fetch(at(service), get("/-/healthy"), 20).code, range(12)))
    assert codes == [200] * 12


def test_a_refused_port_alone_does_not_say_that_forwarding_is_forbidden(server: Sshd, connect: Connect, service: Service) -> None:
    ssh = connect(server)
    with pytest.raises(ConnectionRefusedError):
        ssh.fetch(Endpoint(port=free_port()), get("/"))
    assert ssh.forwarding is None
    ssh.fetch(at(service), get("/"))
    assert ssh.forwarding is True


def test_without_forwarding_and_without_curl_both_reasons_are_named(make_server: MakeServer, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to(shutil.which("bash") or "/bin/bash")
    ssh = connect(make_server("AllowTcpForwarding no", f"SetEnv HOME={tmp_path} PATH={tmp_path}/bin"))
    with pytest.raises(ConnectionRefusedError, match=r"AllowTcpForwarding no.*no curl"):
        ssh.fetch(Endpoint(port=free_port()), get("/"))


def test_credentials_given_to_curl_are_in_no_process_list(without_forwarding: Sshd, connect: Connect, service: Service) -> None:
    ssh = connect(without_forwarding)
    known = Endpoint("http", "127.0.0.1", service.port, username="admin", password=Secret("hunter2hunter2"))

    def wait_for_nothing() -> None:
        with pytest.raises(TimeoutError):
            ssh.fetch(known, get("/silent"), 1.5)

    waiting = threading.Thread(target=wait_for_nothing)
    waiting.start()
    seen = ""
    while "curl" not in seen and waiting.is_alive():
        seen = ssh.run(cmd("ps", "-eo", "args")).out
    waiting.join()
    assert "curl" in seen
    assert "aHVudGVyM" not in seen
    assert "hunter2" not in seen


def test_a_connection_that_breaks_within_a_body_is_lost_and_no_short_answer(
    make_server: MakeServer, connect: Connect, service: Service
) -> None:
    own = make_server()
    ssh = connect(own)
    ssh.open()
    threading.Timer(0.5, own.cut).start()
    with pytest.raises(ConnectionLost):
        ssh.fetch(at(service), get("/dripping"), 10)


@pytest.fixture
def docker_on_path(tmp_path: Path) -> Callable[[str], str]:
    """Make a `docker` that runs what it should run in a container on this machine, in an environment of the test's choice."""

    def make(path: str) -> str:
        folder = tmp_path / "docker"
        folder.mkdir()
        program = folder / "docker"
        program.write_text(f'#!/bin/bash\n[ "$1 $2 $3" = "exec --interactive caddy1" ] || {{ echo "No such container: $3" >&2; exit 1; }}\n'
                           f'shift 3; PATH={path} exec /bin/"$@"\n')
        program.chmod(0o755)
        return f"SetEnv HOME={tmp_path} PATH={folder}:{os.environ['PATH']}"

    return make


def programs(tmp_path: Path, *names: str) -> str:
    folder = tmp_path / "image"
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    return str(folder)


def inside(service: Service, container: str = "caddy1") -> Endpoint:
    return Endpoint("http", "127.0.0.1", service.port, container)


def test_a_service_that_only_its_container_reaches_is_asked_from_inside(
    make_server: MakeServer, connect: Connect, service: Service, docker_on_path: Callable[[str], str], tmp_path: Path
) -> None:
    ssh = connect(make_server(docker_on_path(programs(tmp_path, "bash", "cat"))))
    result = ssh.fetch(inside(service), Request("caddy", "/load", method="POST", body="{}"))
    assert (result.code, result.out) == (200, "POST /load")
    assert service.seen.requests[-1][2]["Host"] == f"127.0.0.1:{service.port}"
    assert ssh.fetch(inside(service), get("/closing")).out == BODY


def test_a_container_that_is_gone_is_told_in_dockers_words(
    make_server: MakeServer, connect: Connect, service: Service, docker_on_path: Callable[[str], str], tmp_path: Path
) -> None:
    ssh = connect(make_server(docker_on_path(programs(tmp_path, "bash", "cat"))))
    with pytest.raises(CommandFailed) as caught:
        ssh.fetch(inside(service, "caddy2"), get("/config/"))
    assert caught.value.saw == "No such container: caddy2"
