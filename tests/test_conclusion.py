from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from opsbook.cli.conclusion import conclude, end_of
from opsbook.cli.state import State
from opsbook.errors import NotTrue
from opsbook.options import Options
from opsbook.runner.outcome import Ended, overall
from opsbook.screen import open_screen
from tests.runner.jobs import World, book
from tests.runner.test_fleet import a_host, change, is_new, look
from tests.typed import SITE, Terminal

LOOKS = '''"""Tell how the host is.

When   something feels slow.
Risk   reads: changes nothing.
Undo   nothing to undo.
"""

from __future__ import annotations

from opsbook.answer import Answer
from opsbook.host import Host
from opsbook.runbook import NoParams


def answer(host: Host, p: NoParams) -> Answer:
    """Answer with a complaint."""
    return Answer(host.name, lines=(f"I am {host.name}", ""), trouble="it is slow", next=f"opsbook doctor {host.name}")


ON = "any"
ANSWER = answer
'''


def test_what_is_wrong_with_a_host_stands_apart_from_the_next_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    site = shutil.copytree(SITE, tmp_path / "site")
    (site / "runbooks/stack/complain.py").write_text(LOOKS)
    terminal = Terminal(capfd, {"XDG_STATE_HOME": str(tmp_path)}, site)
    several = terminal.type("complain", "serverA", "serverB")
    assert (several.code, several.out) == (10, "serverA:\nI am serverA\n\nserverB:\nI am serverB\n\n")
    for name in ("serverA", "serverB"):
        assert f"{name}: it is slow\n  next: opsbook doctor {name}\n\n" in several.err
    alone = terminal.type("complain", "serverA")
    assert alone.err.endswith("serverA: it is slow\n  next: opsbook doctor serverA\n")


@pytest.mark.parametrize(("risk", "agrees"), [("severe", "--confirm=web1 --confirm=web2"), ("mild", "--yes")])
def test_where_nobody_could_be_asked_the_line_that_goes_on_agrees_as_well(
    risk: str, agrees: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(transports={"web1": a_host(), "web2": a_host(), "web3": a_host("new"), "web4": a_host("odd")})
    ended = world.run(book((look, change), (is_new,), risk=risk), "web1", "web2", "web3", "web4", options=Options())
    code = overall(one.code for one in ended)
    conclude(world.jobs[0], ended, code, open_screen({}, hosts=4, debug=False, live=False), State({}, tmp_path))
    last = capsys.readouterr().err.splitlines()[-1]
    assert ([one.code for one in ended], last) == ([3, 3, 0, 3], f"  next: opsbook make-it-so --failed-of=261121-0105-aaaa {agrees}")


def test_the_document_tells_the_ways_on_beside_the_hint_of_the_error(tmp_path: Path) -> None:
    error = NotTrue("it is not so", next="opsbook triage web")
    ended = Ended("web", 1, "interrupted half-way", changed=True, error=error, ways_on="finish it: opsbook bring-up web")
    told = end_of(ended, State({}, tmp_path))
    assert (told["error"]["next"], told["ways_on"]) == ("opsbook triage web", "finish it: opsbook bring-up web")
