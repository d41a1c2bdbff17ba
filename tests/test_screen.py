from __future__ import annotations

import io

import pytest
from rich.console import Console

from opsbook.answer import Answer, Table
from opsbook.events import Event
from opsbook.screen import Colours, Plain, Screen
from opsbook.screen.lines import aligned

EVENTS = [
    Event("step", "vps-i1", "Fetch the new commit", {"phase": "steps"}),
    Event("say", "vps-i1", "two rules\ncome [red]with brackets[/red]"),
    Event("read", "vps-i1", "git status", {"code": 0, "seconds": 0.01}),
    Event("write", "vps-i1", "merge the commit", {"change": "git merge"}),
    Event("then", "vps-i1", "reload", {"change": "POST prometheus /-/reload"}),
    Event("wait", "vps-i1", "it is ready", {"saw": "503", "left": 9.0}),
    Event("wait", "vps-i1", "it is ready", {"saw": "503", "left": 8.5}),
    Event("proof", "vps-i1", "it is ready", {"ok": True, "saw": ""}),
    Event("proof", "vps-i1", "it evaluates", {"ok": False, "saw": "boom"}),
    Event("fail", "vps-i1", "not true: it evaluates", {"saw": "boom", "next": "opsbook logs prometheus vps-i1"}),
    Event("end", "vps-i1", "changed, but the proof is not true", {"code": 4, "seconds": 2.0}),
]


def shown_by(make: str, events: list[Event] = EVENTS, hosts: int = 1) -> str:
    out = io.StringIO()
    screen: Screen
    if make == "plain":
        screen = Plain(hosts, debug=False, err=out, out=out)
    else:
        console = Console(file=out, width=80, force_terminal=False, highlight=False, soft_wrap=True)
        screen = Colours(hosts, debug=False, err=console, out=console)
    for event in events:
        screen.tell(event)
    return out.getvalue()


def test_plain_lines_bear_the_host_and_a_word_that_says_what_it_is() -> None:
    assert shown_by("plain").splitlines() == [
        "vps-i1  step     Fetch the new commit",
        "vps-i1           two rules",
        "vps-i1           come [red]with brackets[/red]",
        "vps-i1  change   merge the commit",
        "vps-i1  then     reload",
        "vps-i1             POST prometheus /-/reload",
        "vps-i1  wait     it is ready: 503 (at most 9 s more)",
        "vps-i1  proven   it is ready",
        "vps-i1  NOT TRUE it evaluates",
        "vps-i1             boom",
        "vps-i1  FAILED   not true: it evaluates",
        "vps-i1             boom",
        "vps-i1  next     opsbook logs prometheus vps-i1",
        "vps-i1  end      changed, but the proof is not true (2.0 s)",
    ]


def test_colours_show_the_same_words_and_never_read_host_output_as_markup() -> None:
    coloured = shown_by("colours")
    assert "come [red]with brackets[/red]" in coloured
    for line in shown_by("plain").splitlines():
        if "wait" not in line and len(line) < 80:
            assert line in coloured


def test_long_lines_are_folded_under_their_beginning_and_words_are_never_cut() -> None:
    long = [Event("say", "vps-i1", "  next: opsbook restore-block 01J" + "X" * 60 + " on the host that was named")]
    lines = shown_by("colours", long).splitlines()
    assert len(lines) > 1
    assert all(line.startswith(" " * 19) for line in lines[1:])
    assert any("01J" + "X" * 60 in line for line in lines)


def test_an_endless_wait_does_not_fill_the_log() -> None:
    waits = [Event("wait", "vps-i1", "it is ready", {"saw": "503", "left": float(left)}) for left in range(90)]
    assert len(shown_by("plain", waits).splitlines()) == 1


def test_a_line_of_an_answer_bears_its_host_only_when_there_are_several() -> None:
    line = [Event("line", "vps-i1", "level=info msg=x")]
    assert shown_by("plain", line) == "level=info msg=x\n"
    assert shown_by("plain", line, hosts=2) == "vps-i1: level=info msg=x\n"


@pytest.mark.parametrize("make", ["plain", "colours"])
def test_a_table_shows_every_cell_whole_on_80_columns(make: str) -> None:
    out = io.StringIO()
    rows = (("prometheus", "running (healthy)", "prom/prometheus:v2.53.3"), ("loki", "missing", "-" * 60))
    table = Table(("service", "state", "image"), rows)
    console = Console(file=out, width=80, force_terminal=False, highlight=False)
    screen: Screen = Plain(1, debug=False, err=out, out=out) if make == "plain" else Colours(1, debug=False, err=console, out=console)
    screen.answer("vps-i1", Answer(table=table))
    text = out.getvalue()
    for word in ("prometheus", "running (healthy)", "prom/prometheus:v2.53.3", "missing"):
        assert word in text
    assert text.count("-") == 60


def test_columns_are_aligned_and_the_last_is_ragged() -> None:
    table = Table(("a", "b"), (("long", "x"), ("s", "yy")))
    assert list(aligned(table)) == ["A     B", "long  x", "s     yy"]
