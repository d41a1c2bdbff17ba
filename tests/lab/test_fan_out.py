"""A change on eighteen light hosts and one that does not listen: batches, canary, Ctrl-C, kill and rerun."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from opsbook.lab.lab import Lab
from opsbook.lab.up import up
from tests.lab.conftest import say
from tests.lab.process import Terminal, opsbook
from tests.lab.test_lights import on
from tests.ssh.sshd import free_port

LIGHTS = 18
BOOK = '''"""Leave a note.

When   fan-out is tried.
Risk   mild: a file in /tmp.
Undo   `opsbook undo`.
"""

from opsbook.check import Seen, so
from opsbook.host import Host, Read, Write
from opsbook.runbook import NoParams
from opsbook.shell import cmd

NOTE = "/tmp/fan-out"
TEXT = Read(cmd("cat", NOTE), lambda result: result.out, answers=frozenset({0, 1}))


def look(host: Host, p: NoParams) -> None:
    """See what is there."""
    host.read(TEXT)


def leave(host: Host, p: NoParams) -> None:
    """Leave the note."""
    if not so(host, is_there, p):
        host.write(Write(cmd("tee", NOTE), "leave the note", stdin="here"))


def is_there(host: Host, p: NoParams) -> Seen:
    """The note is there."""
    return Seen(host.read(TEXT) == "here", saw=host.read(TEXT))


def take(host: Host, p: NoParams) -> None:
    """Take the note away."""
    host.write(Write(cmd("rm", "--force", NOTE), "take the note away"))


def is_gone(host: Host, p: NoParams) -> Seen:
    """The note is gone."""
    return Seen(host.read(TEXT) == "")


ON, STEPS, PROOF = "any", (look, leave), (is_there,)
UNDO, UNDONE = (take,), (is_gone,)
'''
TRACES = "/tmp/fan-out .local/state/opsbook"


@dataclass(frozen=True)
class Site:
    """The light hosts with an inventory of their own."""

    folder: Path
    env: Mapping[str, str]
    lab: Lab
    addresses: Mapping[str, str]

    @property
    def hosts(self) -> list[str]:
        """Return the names of the light hosts."""
        return list(self.addresses)

    def on_all(self, line: str) -> None:
        """Run a line on every light host, past opsbook."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda address: on(self.lab, address, line), self.addresses.values()))

    def json(self, *words: str) -> dict[str, Any]:
        """Run and return the document, the code within."""
        document: dict[str, Any] = json.loads(opsbook(*words, "--json", env=self.env).out)
        return document

    def writes(self, run: str) -> int:
        """Return how many changes the journal has of that run."""
        shown = opsbook("history", "show", run, "--json", env=self.env).out
        return sum(event["kind"] == "write" for event in json.loads(shown)["events"])


@pytest.fixture(scope="module")
def lights(own_lab: Lab) -> Iterator[Lab]:
    up(own_lab, say, scale=LIGHTS)
    yield own_lab
    up(own_lab, say, scale=0)


@pytest.fixture
def site(lights: Lab, tmp_path: Path) -> Site:
    whole = yaml.safe_load(lights.inventory.read_text())
    found = {name: entry for name, entry in whole["hosts"].items() if "light" in entry["roles"]}
    odd = {"closed": {"address": "127.0.0.1", "port": free_port(), "roles": ["odd"]}}
    defaults = {**whole["defaults"], "known_hosts": str(lights.known_hosts)}
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump({"defaults": defaults, "hosts": {**odd, **found}}, sort_keys=False))
    file = tmp_path / "runbooks" / "hosts" / "leave_note.py"
    file.parent.mkdir(parents=True)
    file.write_text(BOOK)
    env = {"OPSBOOK_INVENTORY": str(tmp_path / "inventory.yaml"), "XDG_STATE_HOME": str(tmp_path)}
    made = Site(tmp_path, env, lights, {name: entry["address"] for name, entry in found.items()})
    made.on_all(f"rm --recursive --force {TRACES}")
    return made


def ended(document: Mapping[str, Any]) -> dict[str, int]:
    return {kind: len(hosts) for kind, hosts in document["ended"].items()}


def test_a_change_on_many_hosts_reaches_all_that_answer_and_a_second_run_changes_nothing(site: Site) -> None:
    planned = site.json("leave-note", "--all", "--plan")
    assert ended(planned) == {"done": LIGHTS, "undone": 0, "untouched": 1, "half": 0}
    first = site.json("leave-note", "--all", "--yes", "-j", "6")
    assert (first["code"], ended(first)) == (11, {"done": LIGHTS, "undone": 0, "untouched": 1, "half": 0})
    assert Counter(host["state"] for host in first["hosts"]) == {"changed, and proven": LIGHTS, "nothing was changed": 1}
    assert site.json("leave-note", f"--failed-of={first['run']}", "--yes")["ended"]["untouched"] == ["closed"]
    again = site.json("leave-note", "--group", "light", "--yes")
    assert (again["code"], site.writes(first["run"]), site.writes(again["run"])) == (0, LIGHTS, 0)


def test_one_question_after_all_have_looked_and_a_no_changes_nothing(site: Site) -> None:
    terminal = Terminal(("leave-note", "--all", "-j", "6"), site.env).start()
    assert terminal.prompt(), terminal.seen
    assert f"leave-note is about to change {LIGHTS} of {LIGHTS + 1} hosts" in terminal.seen
    assert "stays as it is" in terminal.seen
    terminal.answer("n")
    assert terminal.end() == 11
    assert f"{LIGHTS + 1} hosts: {LIGHTS + 1} untouched" in terminal.seen
    yes = Terminal(("leave-note", "--group", "light", "-j", "6", "--canary", "--batch", "50%"), site.env).start()
    assert yes.prompt(), yes.seen
    yes.answer("y")
    assert yes.end() == 0, yes.seen
    assert yes.seen.count("go on? [y/N]") == 1
    assert "the canary light001 is proven; now the others" in yes.seen


def test_a_canary_that_is_not_proven_is_put_back_and_leaves_the_others_untouched(site: Site) -> None:
    on(site.lab, site.addresses[site.hosts[0]], "ln --symbolic /dev/null /tmp/fan-out")
    document = site.json("leave-note", "--group", "light", "--yes", "--canary")
    assert document["code"] == 11
    assert document["ended"] == {"done": [], "undone": [site.hosts[0]], "untouched": site.hosts[1:], "half": []}
    assert site.writes(document["run"]) == 2    # the change and its undo


def test_ctrl_c_and_kill_leave_what_a_rerun_finishes(site: Site) -> None:
    first = Terminal(("leave-note", "--group", "light", "--yes", "-j", "2"), site.env).start()
    assert first.until(lambda new: "changed, and proven" in new)
    first.kill(signal.SIGINT)
    assert first.end() == 11, first.seen
    assert " done; " in first.seen
    assert "untouched: " in first.seen
    second = Terminal(("leave-note", "--group", "light", "--yes", "-j", "2"), site.env).start()
    assert second.until(lambda new: "changed, and proven" in new)
    second.kill()
    second.end()
    assert site.json("leave-note", "--group", "light", "--yes", "--wait", "60")["code"] == 0
