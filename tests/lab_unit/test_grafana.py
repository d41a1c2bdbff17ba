"""The stand-in for Grafana, as a real process."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from opsbook.lab.standins.grafana_switch import ARMED, GONE

from .standin_process import PATIENCE, Running, eventually, finished, free_address, install, port_of, running, status, text

FIRST, SECOND = "the-first-one", "the-second-one"


@dataclass(frozen=True)
class Grafana:
    address: str
    process: Running

    def ask(self, path: str, password: str = "", body: object = None, user: str = "admin") -> tuple[int, dict[str, object]]:
        """Send a request, with a body as PUT; return the status and the JSON."""
        link = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if password else {}
        try:
            link.request("GET" if body is None else "PUT", path, None if body is None else json.dumps(body), headers)
            reply = link.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            link.close()

    def opens(self, password: str) -> bool:
        return self.ask("/api/user", password)[0] == 200


@contextmanager
def grafana(folder: Path, *more: str) -> Iterator[Grafana]:
    address = free_address()
    settings = (f"cfg:default.paths.data={folder}", f"cfg:server.http_port={port_of(address)}", f"cfg:security.admin_password={FIRST}")
    with running(folder, "grafana", "server", *settings, *more) as process:
        eventually(lambda: status(address, "/api/health") == 200, "it is healthy")
        yield Grafana(address, process)


def cli(folder: Path, *args: str, line: str | None = None) -> subprocess.CompletedProcess[str]:
    command = ("cli", "--homepath", "/usr/share/grafana", "admin", "reset-admin-password", *args)
    words = [sys.executable, str(install(folder, "grafana")), *command]
    environ = {**os.environ, "GF_PATHS_DATA": str(folder)}
    return subprocess.run(words, input=line, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environ)


def test_it_is_healthy_without_a_login_and_tells_who_is_logged_in(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        code, health = one.ask("/api/health")
        assert (code, health["database"], health["version"]) == (200, "ok", "12.0.2")
        assert one.ask("/api/user") == (401, told("auth.unauthorized", "Unauthorized", 401))
        assert one.ask("/api/user", "wrong") == (401, told("password-auth.failed", "Invalid username or password", 401))
        code, user = one.ask("/api/user", FIRST)
        assert (code, user["login"], user["id"], user["isGrafanaAdmin"]) == (200, "admin", 1, True)
        assert one.ask("/api/org", FIRST)[1]["name"] == "Main Org."
        assert status(one.address, "/login") == 200
        assert status(one.address, "/") == 302
        assert 'grafana_build_info{branch="stand-in"' in text(one.address, "/metrics")


def told(number: str, message: str, code: int) -> dict[str, object]:
    return {"message": message, "messageId": number, "statusCode": code, "traceID": ""}


def test_the_environment_only_seeds_an_empty_database(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        assert one.process.said('msg="Created default admin" user=admin')
    with grafana(tmp_path, f"cfg:security.admin_password={SECOND}") as two:
        assert two.opens(FIRST)
        assert not two.opens(SECOND)
        assert not two.process.said("Created default admin")


def test_an_administrator_changes_a_password_and_from_then_on_only_the_new_one_opens(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        assert one.ask("/api/admin/users/1/password", FIRST, {"password": SECOND}) == (200, {"message": "User password updated"})
        assert one.opens(SECOND)
        assert not one.opens(FIRST)
        too_short = told("password.password-policy-too-short", "New password is too short", 400)
        assert one.ask("/api/admin/users/1/password", SECOND, {"password": "abc"}) == (400, too_short)
        assert one.ask("/api/admin/users/7/password", SECOND, {"password": FIRST}) == (404, told("user.not-found", "user not found", 404))
        assert one.ask("/api/admin/users/x/password", SECOND, {"password": FIRST}) == (400, {"message": "id is invalid"})
        assert one.ask("/api/admin/users/1/password", SECOND, ["no mapping"]) == (400, {"message": "bad request data"})
        assert one.opens(SECOND)


def test_ones_own_password_is_changed_by_who_knows_the_old_one(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        wrong = told("user.password-missmatch", "Invalid old password", 400)
        assert one.ask("/api/user/password", FIRST, {"oldPassword": "wrong", "newPassword": SECOND}) == (400, wrong)
        assert one.ask("/api/user/password", FIRST, {"oldPassword": FIRST, "newPassword": SECOND})[0] == 200
        assert one.opens(SECOND)


def test_after_five_wrong_passwords_the_right_one_is_refused_too(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        for _ in range(4):
            assert not one.opens("wrong")
        assert one.opens(FIRST)
        assert not one.opens("wrong")
        assert one.ask("/api/user", FIRST) == (401, told("login-attempt.blocked", "Invalid username or password", 401))
    with grafana(tmp_path, "cfg:security.disable_brute_force_login_protection=true") as patient:
        assert patient.opens(FIRST)


def test_the_command_line_writes_the_password_beside_the_running_server(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        done = cli(tmp_path, "--password-from-stdin", line=f"{SECOND}\n")
        assert (done.returncode, "Admin password changed successfully ✔" in done.stdout) == (0, True)
        assert one.opens(SECOND)


def test_the_command_line_ends_with_the_real_ones_codes(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        short = cli(tmp_path, "abc")
        assert (short.returncode, "the new password doesn't meet the password policy criteria" in short.stderr) == (1, True)
        nobody = cli(tmp_path, "--user-id", "7", SECOND)
        assert (nobody.returncode, "Admin user cannot be found ✘" in nobody.stdout) == (0, True)
        assert "Username: admin ID: 1" in nobody.stdout
        silent = cli(tmp_path, "--password-from-stdin", line="")
        assert (silent.returncode, "can't read password from stdin" in silent.stderr) == (1, True)
        assert one.opens(FIRST)


def test_no_password_is_in_its_log(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        one.ask("/api/user", "a-wrong-one")
        one.ask("/api/admin/users/1/password", FIRST, {"password": SECOND})
        one.ask("/api/admin/users/1/password", FIRST, {"password": SECOND})
        assert one.process.said("status=401")
        for password in ("a-wrong-one", FIRST, SECOND):
            assert not one.process.said(password)


def test_a_database_that_cannot_be_read_is_told_by_its_health(tmp_path: Path) -> None:
    with grafana(tmp_path) as one:
        (tmp_path / "grafana.db").write_bytes(b"no database" * 100)
        code, said = one.ask("/api/health")
        assert (code, said["database"]) == (503, "failing")
        assert one.ask("/api/user", FIRST)[0] == 500


@pytest.mark.parametrize("seconds", ["", "600"])
def test_a_grafana_that_is_to_be_gone_goes_at_the_first_change_and_keeps_the_old_password(tmp_path: Path, seconds: str) -> None:
    with grafana(tmp_path) as one:
        (tmp_path / ARMED).write_text(seconds)
        assert one.opens(FIRST)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            one.ask("/api/admin/users/1/password", FIRST, {"password": SECOND})
        assert one.process.process.wait(PATIENCE) == 1
    again = running(tmp_path, "grafana", "server", f"cfg:default.paths.data={tmp_path}", f"cfg:server.http_port={port_of(one.address)}")
    with again as gone:
        eventually(lambda: gone.said("Server failed"), "it does not start")
    (tmp_path / GONE).unlink()
    with grafana(tmp_path) as back:
        assert back.opens(FIRST)


def test_its_image_starts_it_with_the_contents_of_files_in_the_environment(tmp_path: Path) -> None:
    address, secret = free_address(), tmp_path / "secret"
    secret.write_text(f"{SECOND}\n")
    entry = install(tmp_path, "grafana")
    entry.chmod(0o755)
    (tmp_path / "run.sh").symlink_to(entry)
    environ = {**os.environ, "GF_PATHS_DATA": str(tmp_path), "GF_SERVER_HTTP_PORT": port_of(address)}
    with_file = {**environ, "GF_SECURITY_ADMIN_PASSWORD__FILE": str(secret)}
    twice = {**with_file, "GF_SECURITY_ADMIN_PASSWORD": "x"}
    both = subprocess.run([tmp_path / "run.sh"], env=twice, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (both.returncode, "are exclusive" in both.stderr) == (1, True)
    process = subprocess.Popen([tmp_path / "run.sh"], env=with_file, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: status(address, "/api/health") == 200, "it is healthy")
        assert Grafana(address, Running(process, secret)).opens(SECOND)
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_its_version_is_told(tmp_path: Path) -> None:
    assert finished(tmp_path, "grafana", "--version").stdout == "grafana version 12.0.2\n"
