"""Grafana: who logs in with a password, and how that password is changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Write
from opsbook.shell import Secret
from opsbook.systems.inside import exec_
from opsbook.web import Endpoint, Request

REFUSED = 401
HOMEPATH = "/usr/share/grafana"


@dataclass(frozen=True)
class User:
    """Who Grafana says that we are."""

    id: int
    login: str


@dataclass(frozen=True)
class Grafana:
    """One Grafana, at the place where it answers."""

    service: str
    at: Endpoint

    def whoami(self, username: str | None = None, password: Secret | None = None) -> Read[User | None]:
        """The user that these credentials open, or nothing where they open none."""
        asked = Request(self.service, "/api/user", at=replace(self.at, username=username, password=password))
        return Read(asked, parse_user, answers=frozenset({200, REFUSED}))

    def change_password(self, username: str, old: Secret, new: Secret) -> Write:
        """Change the own password of that user."""
        body = json.dumps({"oldPassword": old.value, "newPassword": new.value, "confirmNew": new.value})
        there = replace(self.at, username=username, password=old)
        asked = Request(self.service, "/api/user/password", method="PUT", body=body, at=there)
        return Write(asked, f"give {username} the password in Grafana", within=30)


def reset_password(container: str, user: User, new: Secret) -> Write:
    """Change a user's password by the program in the container, which asks for no old one."""
    words = ("grafana", "cli", f"--homepath={HOMEPATH}", "admin", "reset-admin-password", "--password-from-stdin", f"--user-id={user.id}")
    asked = exec_(container, *words, stdin=True)
    return Write(asked, f"give {user.login} the password by Grafana's own program", stdin=Secret(f"{new.value}\n"))


def parse_user(result: Result) -> User | None:
    """Given the user as JSON, return it; nothing where the credentials were refused."""
    if result.code == REFUSED:
        return None
    raw = json.loads(result.out)
    return User(int(raw["id"]), str(raw["login"]))
