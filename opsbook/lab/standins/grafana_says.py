"""What Grafana answers and writes down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from .grafana_users import User
from .logfmt import pair
from .serving import Answer, tell

UNAUTHORIZED = (401, "auth.unauthorized", "Unauthorized")
WRONG = (401, "password-auth.failed", "Invalid username or password")
BLOCKED = (401, "login-attempt.blocked", "Invalid username or password")
TOO_SHORT = (400, "password.password-policy-too-short", "New password is too short")
MISMATCH = (400, "user.password-missmatch", "Invalid old password")
NO_USER = (404, "user.not-found", "user not found")
DENIED = "You'll need additional permissions to perform this action. Permissions needed: users.password:write"


def log(logger: str, level: str, msg: str, more: Mapping[str, object] | None = None) -> None:
    """Write a line as Grafana does."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    fields = {"logger": logger, "t": now, "level": level, "msg": msg, **(more or {})}
    print(" ".join(pair(key, value) for key, value in fields.items()), flush=True)


def message(text: str, status: int = 200) -> Answer:
    """Answer with a text and nothing else."""
    return tell({"message": text}, status)


def problem(what: tuple[int, str, str]) -> Answer:
    """Answer with one of Grafana's errors."""
    status, number, text = what
    return tell({"message": text, "messageId": number, "statusCode": status, "traceID": ""}, status)


def denied() -> Answer:
    """Refuse one who has logged in and is no server administrator."""
    return tell({"accessErrorId": "ACE0000000000", "message": DENIED, "title": "Access denied"}, 403)


def refused(what: tuple[int, str, str], why: str) -> Answer:
    """Refuse a login and write it down, without the password."""
    log("authn.service", "warn", "Failed to authenticate request", {"client": "auth.client.basic", "error": f"[{what[1]}] {why}"})
    return problem(what)


def described(user: User) -> Answer:
    """Describe a user as /api/user does."""
    return tell(
        {
            "id": user.id,
            "uid": user.uid,
            "email": user.email,
            "name": user.name,
            "login": user.login,
            "theme": "",
            "orgId": 1,
            "isGrafanaAdmin": bool(user.is_admin),
            "isDisabled": False,
            "isExternal": False,
            "authLabels": [],
            "updatedAt": user.updated.replace(" ", "T") + "Z",
            "createdAt": user.created.replace(" ", "T") + "Z",
            "avatarUrl": "",
        }
    )
