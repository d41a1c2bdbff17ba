from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsbook.errors import Bug, UsageError
from opsbook.events import Event
from opsbook.journal import GOES_ON, NO_END, Journal, RunRow, open_journal
from opsbook.journal.file import MIGRATIONS
from opsbook.journal.under_way import FOLDER
from opsbook.shell import Secret

WRITER = """
import sys
from pathlib import Path
from opsbook.events import Event
from opsbook.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.start(sys.argv[2], "rotate", {}, ["vps-i1"], "ada@laptop", plan=False)
for number in range(int(sys.argv[3])):
    journal.tell(Event("say", "vps-i1", f"event {number}"))
print("told", flush=True)
sys.stdin.read()
journal.end(sys.argv[2], 0)
assert not journal.trouble
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/opsbook/journal.db"


def entered(
    journal: Journal, run: str = "261121-0105-k3fq", runbook: str = "reload-rules", hosts: tuple[str, ...] = ("vps-i1",), site: str = ""
) -> None:
    journal.start(run, runbook, {"ref": None}, hosts, "ada@laptop", plan=False, site=site)


def writer(path: Path, run: str, events: int, before: str = "") -> subprocess.Popen[str]:
    program = WRITER.replace("for number", f"{before}for number")
    words = [sys.executable, "-c", program, str(path), run, str(events)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_run_and_its_events_are_read_back_in_order(path: Path) -> None:
    journal = Journal(path)
    entered(journal)
    journal.tell(Event("step", "vps-i1", "Look", {"name": "look"}))
    journal.tell(Event("write", "vps-i1", "reload", {"code": 0, "seconds": 0.5, "list": ("a", "b")}))
    journal.end("261121-0105-k3fq", 4)
    row = journal.runs(1)[0]
    assert row == RunRow("261121-0105-k3fq", "reload-rules", {"ref": None}, ("vps-i1",), "ada@laptop", False, row.started, row.ended, 4)
    assert row.ending == "exit 4"
    events = journal.events(row.id)
    assert [(event.seq, event.kind, event.title) for event in events] == [(1, "step", "Look"), (2, "write", "reload")]
    assert events[1].detail == {"code": 0, "seconds": 0.5, "list": ["a", "b"]}
    journal.close()


def test_the_beginning_of_an_id_is_enough_while_it_names_one_run(path: Path) -> None:
    journal = Journal(path)
    entered(journal, "261121-0105-k3fq")
    entered(journal, "261121-0105-k3ab")
    found = journal.run("261121-0105-k3f")
    assert found is not None
    assert found.id == "261121-0105-k3fq"
    assert journal.run("999") is None
    assert journal.run("261121-0105-k3_q") is None
    with pytest.raises(UsageError, match="2 runs begin with 2611"):
        journal.run("2611")
    journal.close()


def test_runs_are_listed_newest_first_and_chosen_by_host_and_runbook(path: Path) -> None:
    journal = Journal(path)
    entered(journal, "a", "status", ("vps-i1", "serverA"))
    entered(journal, "b", "reload-rules", ("vps-i1",))
    entered(journal, "c", "status", ("serverAB",))
    assert [row.id for row in journal.runs(10)] == ["c", "b", "a"]
    assert [row.id for row in journal.runs(2)] == ["c", "b"]
    assert [row.id for row in journal.runs(10, host="serverA")] == ["a"]
    assert [row.id for row in journal.runs(10, runbook="status")] == ["c", "a"]
    assert journal.runs(10, host="vps-i1", runbook="bring-up") == []
    journal.close()


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_the_journal_is_private_under_any_umask(path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        journal = Journal(path)
        entered(journal)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir() if file.is_file()}
    finally:
        os.umask(before)
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == (path.parent / FOLDER).stat().st_mode & 0o777 == 0o700
    journal.close()


def test_a_journal_that_others_could_read_is_made_private(path: Path) -> None:
    Journal(path).close()
    path.chmod(0o644)
    Journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_is_never_stored(path: Path) -> None:
    journal = Journal(path)
    deep = {"password": Secret("s3cr3t-value"), "list": [Secret("s3cr3t-value")], "path": Path("/x"), "set": {1}}
    journal.start("a", "rotate", deep, ["vps-i1"], "ada@laptop", plan=False)
    journal.tell(Event("say", "vps-i1", "told", {"token": Secret("s3cr3t-value")}))
    run = journal.run("a")
    assert run is not None
    assert run.params == {"password": "***", "list": ["***"], "path": "/x", "set": [1]}
    assert journal.events("a")[0].detail == {"token": "***"}
    assert all(b"s3cr3t-value" not in file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
    journal.close()


def test_eight_threads_tell_at_once_and_nothing_is_lost(path: Path) -> None:
    journal = Journal(path)
    entered(journal)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.tell(Event("say", "h", str(number))), range(400)))
    events = journal.events("261121-0105-k3fq")
    assert [event.seq for event in events] == list(range(1, 401))
    assert {event.title for event in events} == {str(number) for number in range(400)}
    journal.close()


def test_two_processes_write_side_by_side_from_the_very_first_moment(path: Path) -> None:
    processes = [writer(path, name, 150) for name in ("one", "two")]
    for process in processes:
        process.communicate("", timeout=30)
    assert [process.returncode for process in processes] == [0, 0]
    journal = Journal(path)
    assert {row.id: row.code for row in journal.runs(10)} == {"one": 0, "two": 0}
    assert len(journal.events("one")) == len(journal.events("two")) == 150
    journal.close()


@pytest.mark.parametrize("extra", ["", "journal.wait_for_no_disk()\n"])
def test_a_killed_operator_leaves_every_event_and_no_end(path: Path, extra: str) -> None:
    process = writer(path, "one", 20, extra)
    assert process.stdout is not None
    assert process.stdout.readline() == "told\n"
    journal = Journal(path)
    assert [run.ending for run in journal.runs(1)] == [GOES_ON]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = journal.run("one")
    assert run is not None
    assert run.ending == NO_END
    assert list((path.parent / FOLDER).iterdir()) == []
    assert len(journal.events("one")) == 20
    journal.close()


def test_an_event_before_the_start_of_a_run_is_a_bug(path: Path) -> None:
    journal = Journal(path)
    with pytest.raises(Bug):
        journal.tell(Event("say", "h", "x"))
    journal.close()


def test_a_journal_that_can_no_longer_be_written_does_not_stop_a_run(path: Path) -> None:
    journal = Journal(path)
    entered(journal)
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE events")
    other.close()
    journal.tell(Event("write", "h", "x"))
    journal.end("261121-0105-k3fq", 0)
    assert "no such table" in journal.trouble
    journal.close()


def test_a_journal_that_cannot_be_made_is_a_usage_error_naming_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as refused:
        Journal(tmp_path / "file/opsbook/journal.db")
    assert str(tmp_path / "file/opsbook/journal.db") in refused.value.saw


def test_a_file_that_is_no_journal_is_a_usage_error(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("this is not a database, it is a text of some length\n" * 100)
    with pytest.raises(UsageError, match="cannot be opened"):
        Journal(path)


def test_the_journal_of_a_newer_opsbook_is_left_alone(path: Path) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(UsageError, match="newer opsbook"):
        Journal(path)


def test_an_older_journal_is_brought_up_to_date_and_keeps_its_runs(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as file:
        file.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
        file.execute("INSERT INTO runs VALUES ('old', 'status', '{}', '[\"vps-i1\"]', 'ada@laptop', 0, 1.0, 2.0, 0)")
    file.close()
    journal = Journal(path)
    assert [(row.id, row.site) for row in journal.runs(10)] == [("old", "")]
    entered(journal, "new", site="LAB 1a2b")
    assert [row.id for row in journal.runs(10, site="LAB 1a2b")] == ["new"]
    journal.close()


def test_the_users_journal_lies_in_the_state_folder(tmp_path: Path) -> None:
    open_journal({"XDG_STATE_HOME": str(tmp_path), "HOME": "/nowhere"}).close()
    assert (tmp_path / "opsbook/journal.db").exists()


def test_what_a_host_said_in_no_encoding_at_all_is_kept_with_codes(path: Path) -> None:
    journal = Journal(path)
    entered(journal)
    journal.tell(Event("say", "web1", "caf\udce9", {"saw": "\udcff"}))
    (row,) = journal.events("261121-0105-k3fq")
    assert (journal.trouble, row.title, row.detail) == ("", "caf\\udce9", {"saw": "\udcff"})
    assert journal.run("\udcff") is None
    journal.close()


def test_the_end_may_bring_parameters_in_which_secrets_learned_meanwhile_are_hidden(path: Path) -> None:
    journal = Journal(path)
    journal.start("261121-0105-k3fq", "r", {"since": "hunter22"}, ["web1"], "ada@laptop", plan=False)
    journal.end("261121-0105-k3fq", 0, {"since": "***"})
    row = journal.run("261121-0105-k3fq")
    assert row is not None
    assert (row.params, row.code) == ({"since": "***"}, 0)
    journal.close()
