from __future__ import annotations

import json

from opsbook.host import Result
from opsbook.shell import Command, Secret
from opsbook.systems.grafana import Grafana, User, parse_user, reset_password
from opsbook.web import Endpoint, Request

OLD, NEW = Secret('old "one"'), Secret("new one")
HERE = Grafana("grafana", Endpoint(port=3000))


def test_the_own_password_is_changed_with_the_old_one_and_neither_is_shown() -> None:
    change = HERE.change_password("admin", OLD, NEW)
    assert isinstance(change.do, Request)
    assert (str(change.do), change.do.method) == ("PUT grafana /api/user/password", "PUT")
    assert json.loads(change.do.body or "") == {"oldPassword": OLD.value, "newPassword": NEW.value, "confirmNew": NEW.value}
    assert change.do.at == Endpoint(port=3000, username="admin", password=OLD)
    assert "one" not in change.title + str(change.do)


def test_a_refused_password_opens_nobody_and_one_that_fits_opens_a_user() -> None:
    assert parse_user(Result(401, '{"message":"Invalid username or password"}')) is None
    assert parse_user(Result(200, '{"id":1,"login":"admin","isGrafanaAdmin":true}')) == User(1, "admin")
    asked = HERE.whoami("admin", NEW)
    assert asked.answers == frozenset({200, 401})
    assert asked.ask == Request("grafana", "/api/user", at=Endpoint(port=3000, username="admin", password=NEW))


def test_grafanas_own_program_hears_the_password_on_standard_input_with_its_newline() -> None:
    change = reset_password("c1", User(3, "boss"), NEW)
    assert isinstance(change.do, Command)
    words = "grafana cli --homepath=/usr/share/grafana admin reset-admin-password --password-from-stdin --user-id=3"
    assert (change.do.line(), change.stdin) == (f"docker exec --interactive c1 {words}", Secret("new one\n"))
