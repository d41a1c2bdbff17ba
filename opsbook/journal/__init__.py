"""What was run, by whom, with what result: an SQLite file beside the operator, written as it happens."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from opsbook.counted import counted
from opsbook.errors import Bug, UsageError
from opsbook.events import Event
from opsbook.journal.file import open_file
from opsbook.journal.rows import GOES_ON, NO_END, EventRow, RunRow, as_json, event_of, run_of, storable
from opsbook.journal.under_way import UnderWay
from opsbook.places import state_folder

__all__ = ["GOES_ON", "NO_END", "EventRow", "Journal", "RunRow", "is_there", "open_journal"]

NAMED = 20      # so many runs are named where a beginning fits several
MOST = 10_000   # runs that `opsbook history` lists


class Journal:
    """The journal of this operator on this machine; threads and processes may write side by side."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_file(path)
        self._under_way = UnderWay(path)
        self._one_at_a_time = threading.Lock()
        self._run: str | None = None
        self._seq = 0
        self.trouble = ""       # why events are missing: a full disk must not stop a run half-way

    def wait_for_no_disk(self) -> None:
        """From here on, what is entered survives us but not a power cut: for runs that change nothing, on hundreds of hosts."""
        self._file.execute("PRAGMA synchronous = NORMAL")

    def start(
        self,
        id: str,  # noqa: A002
        runbook: str,
        params: Mapping[str, object],
        hosts: Sequence[str],
        operator: str,
        *,
        plan: bool,
        site: str = "",
    ) -> None:
        """Enter a run; raise UsageError when the journal cannot be written, for nothing has happened yet."""
        row = (id, runbook, as_json(params), as_json(hosts), operator, plan, time.time(), site)
        self._under_way.begin(id)
        try:
            self._write("INSERT INTO runs (id, runbook, params, hosts, operator, plan, started, site) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise UsageError("the journal cannot be written", saw=f"{self._path}: {error}") from None
        self._run = id

    def tell(self, event: Event) -> None:
        """Enter an event of the run that was started, on disk before it returns unless told otherwise."""
        if self._run is None:
            raise Bug("an event before the start of a run")
        with self._one_at_a_time:
            self._seq += 1
            row = (self._run, self._seq, time.time(), event.host, event.kind, event.title, as_json(event.detail))
        self._try("INSERT INTO events (run, seq, at, host, kind, title, detail) VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def end(self, id: str, code: int, params: Mapping[str, object] | None = None) -> None:  # noqa: A002
        """Enter the end of a run; `params` are those of its start with what has become known as secret hidden."""
        shown = None if params is None else as_json(params)
        self._try("UPDATE runs SET ended = ?, code = ?, params = coalesce(?, params) WHERE id = ?", (time.time(), code, shown, id))
        self._under_way.end()

    def runs(self, limit: int, *, host: str | None = None, runbook: str | None = None, site: str | None = None) -> list[RunRow]:
        """Return the newest runs, the newest first."""
        asked = """
            SELECT * FROM runs
            WHERE (:host IS NULL OR EXISTS (SELECT 1 FROM json_each(hosts) WHERE value = :host))
            AND (:runbook IS NULL OR runbook = :runbook)
            AND (:site IS NULL OR site = :site)
            ORDER BY started DESC, rowid DESC LIMIT :limit"""
        return [self._run_of(row) for row in self._ask(asked, {"host": host, "runbook": runbook, "site": site, "limit": limit})]

    def run(self, id: str) -> RunRow | None:  # noqa: A002
        """Return the run whose id begins so; raise UsageError when several do."""
        rows = self._ask("SELECT * FROM runs WHERE substr(id, 1, length(:id)) = :id ORDER BY started DESC", {"id": id})
        exact = [row for row in rows if row["id"] == id]
        if len(exact or rows) > 1:
            raise self._several(id, [run_of(row) for row in rows])
        return self._run_of((exact or rows)[0]) if rows else None

    def events(self, id: str) -> list[EventRow]:  # noqa: A002
        """Return everything that happened in that run."""
        rows = self._ask("SELECT * FROM events WHERE run = :id ORDER BY seq", {"id": id})
        return [event_of(row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._under_way.end()
        self._file.close()

    def _run_of(self, row: sqlite3.Row) -> RunRow:
        run = run_of(row)
        return replace(run, goes_on=run.code is None and self._under_way.has(run.id))

    def _several(self, beginning: str, runs: Sequence[RunRow]) -> UsageError:
        """Given the runs of that beginning, the newest first, return what names them."""
        lines = [f"{run.id}  {run.named} on {' '.join(run.hosts)}" for run in runs[:NAMED]]
        if not (older := runs[NAMED:]):
            return UsageError(f"{len(runs)} runs begin with {beginning}", saw="\n".join(lines), next="opsbook history")
        since = self._ask("SELECT count(*) AS so_many FROM runs WHERE started >= :at", {"at": older[-1].started})[0]["so_many"]
        lines.append(f"and {counted(len(older), 'older one')}")
        all_of_them = f"opsbook history --limit {min(since, MOST)}"
        return UsageError(f"{len(runs)} runs begin with {beginning}", saw="\n".join(lines), next=all_of_them)

    def _try(self, order: str, row: tuple[object, ...]) -> None:
        try:
            self._write(order, row)
        except sqlite3.Error as error:
            self.trouble = self.trouble or f"{self._path}: {error}"

    def _write(self, order: str, row: tuple[object, ...]) -> None:
        with self._one_at_a_time:
            self._file.execute(order, tuple(map(storable, row)))

    def _ask(self, question: str, values: Mapping[str, object]) -> list[sqlite3.Row]:
        with self._one_at_a_time:
            return self._file.execute(question, {name: storable(value) for name, value in values.items()}).fetchall()


def open_journal(environment: Mapping[str, str]) -> Journal:
    """Return the user's journal, made if need be."""
    return Journal(_place(environment))


def is_there(environment: Mapping[str, str]) -> bool:
    """Return whether the user has a journal already."""
    return _place(environment).is_file()


def _place(environment: Mapping[str, str]) -> Path:
    return state_folder(environment) / "journal.db"
