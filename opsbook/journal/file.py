"""The journal's file: private, crash-safe, and brought up to today's tables when it is older."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from opsbook.errors import UsageError
from opsbook.places import private_folder

MIGRATIONS = (
    # each brings a file of the version before to the next; user_version counts them
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, runbook TEXT NOT NULL, params TEXT NOT NULL, hosts TEXT NOT NULL, operator TEXT NOT NULL,
        plan INTEGER NOT NULL, started REAL NOT NULL, ended REAL, code INTEGER
    );
    CREATE TABLE events (
        run TEXT NOT NULL REFERENCES runs (id), seq INTEGER NOT NULL, at REAL NOT NULL, host TEXT NOT NULL,
        kind TEXT NOT NULL, title TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (run, seq)
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_time ON runs (started);
    """,
    "ALTER TABLE runs ADD COLUMN site TEXT NOT NULL DEFAULT ''",
)
BUSY_WITHIN = 15    # seconds to wait for another process that writes


def open_file(path: Path) -> sqlite3.Connection:
    """Return the open journal, made if need be, readable by its owner alone; raise UsageError when that cannot be."""
    try:
        _make_private(path)
        with contextlib.ExitStack() as undo:
            file = undo.enter_context(contextlib.closing(_connect(path)))
            _bring_up_to_date(file, path)
            undo.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise UsageError("the journal cannot be opened", saw=f"{path}: {error}", next=f"ls -l {path.parent}") from None
    return file


def _connect(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=BUSY_WITHIN, isolation_level=None, check_same_thread=False)
    file.row_factory = sqlite3.Row
    file.execute("PRAGMA synchronous = FULL")   # WAL alone may forget the last events when the power goes
    return file


def _make_private(path: Path) -> None:
    private_folder(path.parent).chmod(0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)   # SQLite gives its -wal and -shm files the mode of this one
    os.fchmod(descriptor, 0o600)
    os.close(descriptor)


def _bring_up_to_date(file: sqlite3.Connection, path: Path) -> None:
    if _version(file) == len(MIGRATIONS):
        return
    file.execute("BEGIN IMMEDIATE")     # two processes may find the same old file
    version = _version(file)
    if version > len(MIGRATIONS):
        raise UsageError("the journal was written by a newer opsbook", saw=f"{path}: version {version}, known up to {len(MIGRATIONS)}")
    for migration in MIGRATIONS[version:]:
        for order in migration.split(";"):
            file.execute(order)
    file.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    file.execute("COMMIT")
    file.execute("PRAGMA journal_mode = WAL")   # kept in the file


def _version(file: sqlite3.Connection) -> int:
    version: int = file.execute("PRAGMA user_version").fetchone()[0]
    return version
