"""Reads from a host as a run does, with screen, mask and journal; run by the Python in which opsbook is installed."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import NoReturn

from opsbook.events import Event
from opsbook.host import Host, Read, Result, Run
from opsbook.inventory import HostEntry
from opsbook.journal import Journal
from opsbook.mask import Mask
from opsbook.record import Record
from opsbook.runner.gate import Gate
from opsbook.runner.guard import WriteGuard
from opsbook.screen import open_screen
from opsbook.shell import cmd
from opsbook.ssh import Ssh
from opsbook.stop import Stop

SECRETS = ("a password of the stack", "a second one, longer than the first", "https://hooks.example/token-0123456789")


def main(port: str, user: str, key: str, known_hosts: str, file: str) -> None:
    """Answer each line, a number, with the seconds of so many reads."""
    entry = HostEntry("web1", "127.0.0.1", int(port), user, key)
    host = connected(entry, Path(known_hosts), Path(file))
    question = Read(cmd("true"), code)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begun = time.perf_counter()
            assert host.read(question) == 0
            seconds.append(time.perf_counter() - begun)
        sys.stdout.write(json.dumps(seconds) + "\n")
        sys.stdout.flush()
    host.transport.close()


def connected(entry: HostEntry, known_hosts: Path, file: Path) -> Host:
    """Return the host as the runner makes it."""
    journal, screen = Journal(file), open_screen({}, hosts=1, debug=False)
    journal.start("bench", "benchmark", {}, [entry.name], "nobody", plan=False)

    def tell(event: Event) -> None:
        journal.tell(event)
        screen.tell(event)

    guard = WriteGuard(Stop(), Gate(lambda _askings, _staying: None), no_record)
    run = Run("bench", "benchmark", "nobody", reads_only=True)
    return Host(entry, Ssh(entry, known_hosts=(known_hosts,)), run, tell, guard, Mask(SECRETS))


def code(result: Result) -> int:
    """Return the exit code."""
    return result.code


def no_record() -> NoReturn:
    """Nothing is written here."""
    raise AssertionError(Record)


if __name__ == "__main__":
    main(*sys.argv[1:])
