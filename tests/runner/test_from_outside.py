from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opsbook.check import Seen
from opsbook.errors import CommandFailed
from opsbook.host import Host, Read, Write
from opsbook.options import Options
from opsbook.runner.outcome import Ended
from opsbook.shell import cmd
from tests.runner.jobs import World, book

CHANGE = Write(cmd("change"), "change it")
BACK = Write(cmd("back"), "put it back")
STATE = Read(cmd("state"), lambda result: result.out)
VIEW = Read(cmd("view"), lambda result: result.out)


def change(host: Host, p: object) -> None:
    """Change it."""
    if host.read(STATE) != "changed":
        host.write(CHANGE)


def put_back(host: Host, p: object) -> None:
    """Put it back."""
    host.write(BACK)


def is_changed(host: Host, p: object) -> Seen:
    """It is changed."""
    return Seen(host.read(STATE) == "changed", saw="not changed")


def others_see_it(host: Host, p: object) -> Seen:
    """Others see it."""
    return Seen(host.read(VIEW) == "seen", saw="nobody sees it", next="opsbook doctor scraper")


def is_as_before(host: Host, p: object) -> Seen:
    """It is as before."""
    return Seen(ok=True)


def what_it_logged(host: Host, p: object) -> str:
    """What it logged."""
    return "a line"


BOOK = replace(
    book((change,), (is_changed,), (put_back,), (is_as_before,), evidence=(what_it_logged,)), from_outside=(others_see_it,)
)  # fmt: skip


def world(*states: str, view: str | BaseException = "seen") -> World:
    made = World()
    made.transport.teach(STATE, *states)
    made.transport.teach(VIEW, view)
    made.transport.teach(CHANGE)
    made.transport.teach(BACK)
    return made


def ended(made: World, **options: bool) -> Ended:
    (one,) = made.run(BOOK, options=Options(**({"yes": True} | options)))      # type: ignore[arg-type]
    return one


def test_what_others_see_belongs_to_the_proof() -> None:
    made = world("old", "changed")
    assert (ended(made).code, made.kinds("proof")) == (0, ["proof: It is changed", "proof: Others see it"])


@pytest.mark.parametrize("view", ["nothing", CommandFailed("the scraper cannot be asked")])
def test_what_others_do_not_see_is_unproven_and_never_undone(view: str | BaseException) -> None:
    made = world("old", "changed", view=view)
    one = ended(made)
    assert (one.code, one.state, "back" in made.transport.asked) == (4, "changed, but the proof is not true", False)
    assert made.kinds("evidence") == ["evidence: What it logged"]
    assert json.loads(made.transport.records[-1])["phase"] == "do"      # a rerun goes on, and an undo finds it


def test_where_nothing_was_changed_a_red_view_is_no_change() -> None:
    assert ended(world("changed", view="nothing")).state == "nothing was changed"


def test_what_the_host_itself_tells_comes_first_and_is_undone() -> None:
    made = world("old", "wrong")
    assert (ended(made).code, "back" in made.transport.asked, "view" in made.transport.asked) == (5, True, False)


def test_a_plan_shows_it() -> None:
    made = world("old")
    assert ended(made, plan=True).code == 0
    assert made.kinds("then")[-1] == "then: Others see it"
