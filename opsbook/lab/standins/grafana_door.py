"""Grafana's HTTP interface, as far as logins and their passwords are concerned."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from .grafana_says import BLOCKED, MISMATCH, NO_USER, TOO_SHORT, UNAUTHORIZED, WRONG, denied, described, message, problem, refused
from .grafana_switch import Switch
from .grafana_users import SHORTEST, User, Users
from .serving import Answer, Ask, Route, say, tell

COMMIT = "5bda17e7c1cb313eb96266f2fdda73a6b35c3977"
HTML = "text/html; charset=UTF-8"
PAGE = b"<!DOCTYPE html><title>Grafana</title><h1>Stand-in for Grafana: it has no pages</h1>"
TOO_MANY = "too many consecutive incorrect login attempts for user - login for user temporarily blocked"


@dataclass(frozen=True)
class Door:
    """The routes."""

    users: Users
    switch: Switch
    version: str

    def routes(self) -> dict[str, Route]:
        """Return them by path; what is below /api/ wants a login."""
        private = {
            "/api/user/password": self.own_password,
            "/api/user": lambda _, user: described(user),
            "/api/org": lambda _, __: tell({"id": 1, "name": "Main Org.", "address": {}}),
            "/api/admin/users/": self.password_of,
            "/api/": lambda _, __: message("Not found", 404),
        }
        public: dict[str, Route] = {
            "/api/health": self.health,
            "/healthz": lambda _: say("Ok"),
            "/login": lambda _: Answer(200, PAGE, HTML),
        }
        return public | {path: self.known(route) for path, route in private.items()} | {"/": to_login}

    def known(self, route: Callable[[Ask, User], Answer]) -> Route:
        """Let in who gives a user's password."""

        def ask(request: Ask) -> Answer:
            user = self.who(request)
            return route(request, user) if isinstance(user, User) else user

        return ask

    def who(self, request: Ask) -> User | Answer:
        """Return the user whose password the request carries, or Grafana's refusal."""
        name, password = credentials(request)
        if not name:
            return problem(UNAUTHORIZED)
        if self.users.blocked(name):
            return refused(BLOCKED, TOO_MANY)
        user = self.users.by_login(name)
        if user and user.has(password):
            return user
        if user and password:
            self.users.failed(name)
        return refused(WRONG, "failed to authenticate identity")

    def health(self, _: Ask) -> Answer:
        """Tell whether the database answers."""
        try:
            self.users.admins()
        except sqlite3.Error:
            return tell({"database": "failing", "version": self.version, "commit": COMMIT}, 503)
        return tell({"database": "ok", "version": self.version, "commit": COMMIT})

    def own_password(self, request: Ask, user: User) -> Answer:
        """Change the password of whoever asks."""
        old, new = parsed(request, "oldPassword"), parsed(request, "newPassword")
        if request.method != "PUT":
            return message("Not found", 404)
        if old is None or new is None:
            return message("bad request data", 400)
        return self.changed(user, new, "User password changed") if user.has(old) else problem(MISMATCH)

    def password_of(self, request: Ask, user: User) -> Answer:
        """Change anybody's password, for a server administrator."""
        number, _, what = request.path.removeprefix("/api/admin/users/").partition("/")
        if what != "password" or request.method != "PUT":
            return message("Not found", 404)
        if not user.is_admin:
            return denied()
        if not number.isdecimal():
            return message("id is invalid", 400)
        new, other = parsed(request, "password"), self.users.by_id(int(number))
        if new is None:
            return message("bad request data", 400)
        return self.changed(other, new, "User password updated") if other else problem(NO_USER)

    def changed(self, user: User, password: str, said: str) -> Answer:
        """Write the new password, unless the lab wants us gone just now."""
        if len(password) < SHORTEST:
            return problem(TOO_SHORT)
        if not self.switch.pulled():
            self.users.change(user, password)
        return message(said)


def to_login(request: Ask) -> Answer:
    """Send a browser to the login page; there is nothing else."""
    if request.path != "/":
        return say("not found", 404)
    return Answer(302, b'<a href="/login">Found</a>.\n\n', HTML, {"Location": "/login"})


def credentials(request: Ask) -> tuple[str, str]:
    """Read basic auth; two empty texts where there is none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def parsed(request: Ask, key: str) -> str | None:
    """Read a text from a JSON body: an empty one where the key is missing, none where it is no such body."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    value = body.get(key, "") if isinstance(body, dict) else None
    return value if isinstance(value, str) else None
