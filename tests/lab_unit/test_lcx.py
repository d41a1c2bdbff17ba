"""The lab's project lcx: what its repo holds, and what it leaves to the host."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import yaml

from opsbook.lab.address import STACKS
from opsbook.lab.placing import ADMIN, Placed
from opsbook.lab.projects import HERE, credentials

PROJECT = HERE / "lcx"
SERVICES: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]


def placed() -> dict[str, Placed]:
    return {file.path.removeprefix("/opt/lcx/"): file for file in credentials.files("lcx") if file.content is not None}


def text(files: dict[str, Placed], name: str) -> str:
    return (files[name].content or b"").decode()


def variables(files: dict[str, Placed]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text(files, ".env").splitlines())


@pytest.mark.parametrize("login", credentials.LOGINS["lcx"], ids=lambda login: login.service)
def test_the_hash_of_each_service_opens_to_its_own_password(login: credentials.Login) -> None:
    files = placed()
    env, web = variables(files), yaml.safe_load(text(files, login.web))
    ((user, hashed),) = web["basic_auth_users"].items()
    assert user == env[f"{login.key}_USERNAME"]
    opens = [bcrypt.checkpw(env[f"{one.key}_PASSWORD"].encode(), hashed.encode()) for one in credentials.LOGINS["lcx"]]
    assert opens == [one is login for one in credentials.LOGINS["lcx"]]
    assert web["tls_server_config"]["key_file"] == f"/etc/certs/{login.service}.key"


def test_every_template_is_rendered_with_the_passwords_in_it_and_nothing_left_to_fill() -> None:
    files = placed()
    env = variables(files)
    rendered = [path.relative_to(PROJECT).as_posix().removesuffix(".tmpl") for path in PROJECT.rglob("*.tmpl")]
    assert len(rendered) == 3
    for name in rendered:
        assert "${" not in text(files, name)
        assert env["PROM_PASSWORD"] in text(files, name)
        assert env["ALERTMANAGER_PASSWORD"] in text(files, name)


def test_no_secret_file_is_readable_by_everybody_or_known_to_git(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text((PROJECT / ".gitignore").read_text())
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    names = [*placed(), "certs/prometheus.key"]
    ignored = subprocess.run(["git", "-C", tmp_path, "check-ignore", *names], capture_output=True, text=True, check=True)
    assert ignored.stdout.split() == names
    assert {(file.owner, file.mode & 0o007) for file in placed().values()} == {(ADMIN, 0)}
    assert placed()[".env"].mode == 0o600
    assert list(placed())[-1] == ".env"


def test_the_env_file_sets_every_key_of_the_example() -> None:
    example = (PROJECT / ".env.example").read_text().splitlines()
    assert set(variables(placed())) == {line.partition("=")[0] for line in example if not line.startswith("#")}


def test_every_service_asks_for_a_password_by_tls_and_listens_on_loopback_only() -> None:
    stack = yaml.safe_load(STACKS.read_text())["lcx"]["services"]
    assert set(stack) == set(SERVICES) == {login.service for login in credentials.LOGINS["lcx"]}
    for name, service in SERVICES.items():
        assert any(part.startswith("--web.config.file=") for part in service["command"])
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert stack[name]["scheme"] == "https"
        assert stack[name]["password_key"] in variables(placed())


def test_a_project_that_asks_for_no_password_gets_none() -> None:
    assert "monitoring" not in credentials.LOGINS
