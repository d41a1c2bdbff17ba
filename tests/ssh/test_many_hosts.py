"""Twenty hosts over real connections, as the operator runs them: one does not listen, one never speaks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ssh.sshd import Sshd, free_port

HOSTS = 18
GREET = '''"""Greet.

When   somebody wants to know who is there.
Risk   reads: changes nothing.
Undo   nothing to undo.
"""

from opsbook.answer import Answer
from opsbook.host import Host, Read
from opsbook.runbook import NoParams
from opsbook.shell import cmd


def greet(host: Host, p: NoParams) -> Answer:
    """Greet."""
    return Answer(lines=(host.read(Read(cmd("echo", f"I am {host.name}"), lambda result: result.out.strip())),))


ON, ANSWER = "any", greet
'''


@dataclass(frozen=True)
class Site:
    """An inventory of twenty hosts on one sshd, and what never speaks."""

    folder: Path
    silent: socket.socket

    @contextmanager
    def opsbook(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "opsbook", *words]
        environment = {**os.environ, "OPSBOOK_INVENTORY": str(self.folder / "inventory.yaml"), "XDG_STATE_HOME": str(self.folder)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def site(server: Sshd, tmp_path: Path, operator_home: Path) -> Iterator[Site]:
    (operator_home / ".ssh" / "config").write_text("Host silent\n  ConnectTimeout 120\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = {f"web{n}": server.port for n in range(HOSTS)} | {"closed": free_port(), "silent": silent.getsockname()[1]}
        lines = [f"  {name}: {{address: 127.0.0.1, port: {port}}}" for name, port in sorted(hosts.items())]
        defaults = f"defaults: {{user: {server.entry().user}, key: {server.client_key}, known_hosts: {server.known_hosts}}}"
        (tmp_path / "inventory.yaml").write_text("\n".join([defaults, "hosts:", *lines]) + "\n")
        book = tmp_path / "runbooks" / "hosts" / "greet.py"
        book.parent.mkdir(parents=True)
        book.write_text(GREET)
        yield Site(tmp_path, silent)


def ends(process: subprocess.Popen[str], number: int) -> list[dict[str, Any]]:
    """Read events until so many hosts have ended."""
    found: list[dict[str, Any]] = []
    assert process.stdout is not None
    while len(found) < number:
        event = json.loads(process.stdout.readline())
        if event["kind"] == "end":
            found.append(event)
    return found


def test_one_that_never_speaks_and_one_that_does_not_listen_hold_up_none_of_the_others(site: Site) -> None:
    with site.opsbook("greet", "silent", "closed", *(f"web{n}" for n in range(HOSTS)), "-j", "3", "--jsonl") as process:
        before = ends(process, HOSTS + 1)       # while `silent` is still being waited for
        assert {event["host"]: event["detail"]["code"] for event in before} == {"closed": 8} | {f"web{n}": 0 for n in range(HOSTS)}
        site.silent.accept()[0].close()
        (last,) = ends(process, 1)
        assert (last["host"], last["detail"]["code"]) == ("silent", 8)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 11
    assert "closed: nothing listens on 127.0.0.1" in err
    assert "20 hosts: 18 done; 2 failed: silent, closed" in err
    assert "next: opsbook greet --failed-of=" in err


def test_every_answer_and_every_end_bears_its_host(site: Site) -> None:
    with site.opsbook("greet", *(f"web{n}" for n in range(HOSTS)), "--json") as process:
        out, err = process.communicate(timeout=120)
    document = json.loads(out)
    assert [host["host"] for host in document["hosts"]] == [f"web{n}" for n in range(HOSTS)]
    assert document["ended"] == {"done": [f"web{n}" for n in range(HOSTS)], "trouble": [], "failed": []}
    assert sorted(line.split()[0] for line in err.splitlines()[1:]) == sorted(f"web{n}" for n in range(HOSTS))


def test_ctrl_c_ends_the_run_before_the_hosts_that_wait_for_their_turn(site: Site) -> None:
    with site.opsbook("greet", "web1", "silent", *(f"web{n}" for n in range(2, HOSTS)), "-j", "1", "--jsonl") as process:
        connection, _ = site.silent.accept()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "stopping at a safe point" not in process.stderr.readline():
            pass
        connection.close()
        rest = ends(process, HOSTS)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 11
    assert {event["host"]: event["detail"]["code"] for event in rest} == (
        {"web1": 0, "silent": 8} | {f"web{n}": 130 for n in range(2, HOSTS)}
    )
    assert "18 hosts: 1 done; 17 failed: silent, web2, web3" in err
