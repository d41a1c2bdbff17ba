"""Grafana's users: the tables of its SQLite database that a password change touches."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS user (
    id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, login TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE, name TEXT,
    password TEXT, salt TEXT, rands TEXT, company TEXT, org_id INTEGER NOT NULL, is_admin INTEGER NOT NULL, email_verified INTEGER,
    theme TEXT, created DATETIME NOT NULL, updated DATETIME NOT NULL, is_disabled INTEGER NOT NULL DEFAULT 0, uid TEXT);
CREATE TABLE IF NOT EXISTS login_attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL, ip_address TEXT NOT NULL, created INTEGER NOT NULL DEFAULT 0);
"""
INSERT = "INSERT INTO user (version, login, email, name, password, salt, rands, org_id, is_admin, created, updated, uid) "
SELECT = "SELECT id, login, email, name, password, salt, is_admin, created, updated, uid FROM user "
WINDOW = 300  # seconds in which wrong logins count
SHORTEST = 4
ROUNDS, LENGTH = 10_000, 50  # of Grafana's PBKDF2
WITHIN = 5.0


class Refused(Exception):
    """Grafana says no; the text is its own."""


@dataclass(frozen=True)
class User:
    id: int
    login: str
    email: str
    name: str
    password: str
    salt: str
    is_admin: int  # 0 or 1
    created: str
    updated: str
    uid: str

    def has(self, password: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(encoded(password, self.salt), self.password)


@dataclass(frozen=True)
class Users:
    """The database; opened anew for each question, as the command line opens it beside the server."""

    path: Path
    most: int = 5  # wrong logins within the window; 0: as many as one likes

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Open the database, commit when all went well. Raise sqlite3.Error where it cannot be read or written."""
        link = sqlite3.connect(self.path, timeout=WITHIN)
        try:
            with link:
                yield link
        finally:
            link.close()

    def seed(self, login: str, password: str) -> bool:
        """Make the tables, and the first administrator where there is no user yet; tell whether one was made."""
        with self.open() as link:
            link.executescript(TABLES)
            if link.execute("SELECT count(*) FROM user").fetchone()[0]:
                return False
            salt, now = secrets.token_urlsafe(8)[:10], stamp()
            row = (0, login, "admin@localhost", "", encoded(password, salt), salt, secrets.token_urlsafe(8)[:10], 1, 1, now, now)
            link.execute(INSERT + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, secrets.token_hex(7)))
            return True

    def by_id(self, number: int) -> User | None:
        """Find a user by number."""
        return self._find(SELECT + "WHERE id = ?", number)

    def by_login(self, login: str) -> User | None:
        """Find a user by login."""
        return self._find(SELECT + "WHERE login = ?", login)

    def _find(self, question: str, value: str | int) -> User | None:
        with self.open() as link:
            row = link.execute(question, (value,)).fetchone()
        return User(*row) if row else None

    def admins(self) -> list[tuple[str, int]]:
        """List logins and ids of the administrators."""
        with self.open() as link:
            return link.execute("SELECT login, id FROM user WHERE is_admin = 1 ORDER BY id").fetchall()

    def change(self, user: User, password: str) -> None:
        """Give a user a new password."""
        with self.open() as link:
            link.execute("UPDATE user SET password = ?, updated = ? WHERE id = ?", (encoded(password, user.salt), stamp(), user.id))

    def blocked(self, login: str) -> bool:
        """Tell whether too many wrong passwords were tried of late; then the right one is refused, too."""
        with self.open() as link:
            question = "SELECT count(*) FROM login_attempt WHERE username = ? AND created >= ?"
            tried: int = link.execute(question, (login.lower(), time.time() - WINDOW)).fetchone()[0]
        return bool(self.most) and tried >= self.most

    def failed(self, login: str) -> None:
        """Count a wrong password."""
        with self.open() as link:
            row = (login.lower(), int(time.time()))
            link.execute("INSERT INTO login_attempt (username, ip_address, created) VALUES (?, '', ?)", row)


def encoded(password: str, salt: str) -> str:
    """Hash a password as Grafana does."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ROUNDS, LENGTH).hex()


def stamp() -> str:
    """Return the time as Grafana writes it into its tables."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
