from __future__ import annotations

import io

import pytest
from rich.console import Console

from opsbook.answer import Answer, Table
from opsbook.events import Event, Kind
from opsbook.screen import Colours, Plain, Screen, open_screen
from opsbook.screen.board import Board
from opsbook.screen.lines import aligned
from opsbook.screen.progress import Progress

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


@pytest.mark.parametrize("make", ["plain", "colours"])
def test_the_end_of_a_run_that_stopped_half_way_is_followed_by_what_to_type(make: str) -> None:
    end = {"code": 130, "seconds": 2.0, "next": "finish it: opsbook --lab bring-up lcx"}
    *_, before, last = shown_by(make, [Event("end", "lcx", "interrupted half-way", end)]).splitlines()
    assert before.split() == ["lcx", "end", "interrupted", "half-way", "(2.0", "s)"]
    assert last.split() == ["lcx", "next", "finish", "it:", "opsbook", "--lab", "bring-up", "lcx"]


@pytest.mark.parametrize("make", ["plain", "colours"])
def test_kept_evidence_is_told_with_the_command_that_shows_it(make: str) -> None:
    kept = Event("evidence", "lcx", "The log", {"text": "x", "next": "opsbook --lab history show 261121-0105-aaaa"})
    said = " ".join(shown_by(make, [kept]).split())
    assert said == "lcx kept evidence: The log (opsbook --lab history show 261121-0105-aaaa)"


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


# -- the live table


def started(*hosts: str) -> list[Event]:
    return [Event("connect", host, "192.0.2.1") for host in hosts]


def ended(host: str, code: int = 0) -> Event:
    return Event("end", host, "it is over", {"code": code, "seconds": 1.0, "changed": False})


def progress_of(hosts: int, *events: Event) -> Progress:
    progress = Progress(hosts, clock=lambda: 0.0)
    for event in events:
        progress.take(event)
    return progress


def test_the_counts_tell_of_every_host_of_the_run() -> None:
    events = [*started("a", "b", "c", "d"), ended("a"), ended("b", 4), Event("ready", "c", "reload")]
    assert progress_of(9, *events).headline() == "9 hosts: 1 done, 1 failed, 1 ready, 1 running, 5 to come  (0 s)"
    assert progress_of(4, *events, *started("c"), ended("c"), ended("d")).headline() == "4 hosts: 3 done, 1 failed  (0 s)"


def test_a_host_shows_what_it_does_now_and_one_that_failed_why() -> None:
    events = [*started("a", "b"), Event("step", "a", "Fetch it"), Event("fail", "b", "no answer"), ended("b", 8)]
    rows = progress_of(2, *events).rows(10)
    assert [(row.host, row.word, row.text) for row in rows] == [("b", "FAILED", "no answer"), ("a", "running", "Fetch it")]


def test_where_not_all_fit_the_running_ones_and_the_newest_failures_are_shown() -> None:
    failed = [event for n in range(40) for event in (*started(f"bad{n}"), ended(f"bad{n}", 4))]
    progress = progress_of(300, *failed, *started(*(f"web{n}" for n in range(40))))
    rows = progress.rows(20)
    assert len(rows) == 20
    assert [row.host for row in rows[:2]] == ["bad39", "bad38"]
    assert sum(row.word == "running" for row in rows) == 10
    assert [row.word for row in progress_of(300, *failed).rows(20)] == ["FAILED"] * 20


def a_board(hosts: int) -> tuple[Board, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, width=80, height=24, force_terminal=True, highlight=False, soft_wrap=True, color_system=None)
    return Board(hosts, err=console, out=console), out


def test_the_table_of_300_hosts_fits_on_80_columns_and_24_lines() -> None:
    board, out = a_board(300)
    for number in range(300):
        board.tell(Event("connect", f"a-host-with-a-rather-long-name-{number}.example.org", ""))
        board.tell(Event("step", f"a-host-with-a-rather-long-name-{number}.example.org", "do something with a long title " * 5))
    with board.calm():
        pass
    board.close()
    drawn = Console(file=io.StringIO(), width=80, height=24).render_lines(board._drawn(), pad=False)
    assert len(drawn) <= 24
    assert all(sum(part.cell_length for part in line) <= 80 for line in drawn)
    assert "300 hosts: 300 running" in out.getvalue()


@pytest.mark.parametrize("kind", ["step", "write"])
def test_however_long_its_text_a_row_of_the_table_tells_its_host_seconds_and_state(kind: Kind) -> None:
    board, _ = a_board(3)
    for host in ("serverA", "serverB"):
        board.tell(Event("connect", host, ""))
        board.tell(Event(kind, host, "let the host put the settings of the firewall back in 60 s unless a new login confirms them"))
    board.close()
    drawn = Console(file=io.StringIO(), width=80, height=24).render_lines(board._drawn(), pad=False)
    rows = ["".join(part.text for part in line) for line in drawn]
    assert [row.split()[:2] for row in rows[:2]] == [["serverA", "0"], ["serverB", "0"]]
    assert all(" running  let the host" in row for row in rows[:2])


def test_host_output_in_the_table_is_tamed() -> None:
    board, _ = a_board(2)
    board.tell(Event("connect", "a", ""))
    board.tell(Event("step", "a", "evil \x1b]0;title\x07 [red]text"))
    board.close()
    text = "".join(part.text for line in Console(file=io.StringIO(), width=80).render_lines(board._drawn()) for part in line)
    assert "\x1b" not in text
    assert "[red]text" in text


def test_what_the_hosts_said_is_told_before_the_question_the_same_text_once() -> None:
    board, out = a_board(9)
    for number in range(7):
        board.tell(Event("say", f"web{number}", "two rules come"))
    board.tell(Event("say", "odd", "nothing comes"))
    board.tell(Event("say", "odd", "already so: it is there", {"already": True}))
    out.truncate(0)
    with board.calm():
        board.tell(Event("connect", "late", ""))
        told = out.getvalue()
    assert "web0, web1, web2, web3, web4 and 2 more           two rules come" in told
    assert "odd           nothing comes" in told
    assert "already so" not in told
    assert "late" not in told
    board.close()


def test_failures_are_told_in_full_when_the_table_is_gone() -> None:
    board, out = a_board(2)
    board.tell(Event("fail", "a", "no answer", {"saw": "silence for 10 s", "next": "opsbook doctor a"}))
    board.tell(ended("a", 8))
    board.close()
    for words in ("a  FAILED   no answer", "silence for 10 s", "a  next     opsbook doctor a"):
        assert words in out.getvalue()


def test_lines_that_stream_take_the_place_of_the_table() -> None:
    board, out = a_board(2)
    board.tell(Event("connect", "a", ""))
    board.tell(Event("line", "a", "level=info"))
    at = len(out.getvalue())
    board.tell(Event("connect", "b", ""))
    board.tell(Event("line", "b", "level=warn"))
    assert out.getvalue()[at:] == "b: level=warn\n"
    board.close()


@pytest.mark.parametrize(("hosts", "live", "environment", "kind"), [
    (3, True, {"TERM": "xterm"}, Board),
    (1, True, {"TERM": "xterm"}, Colours),
    (3, False, {"TERM": "xterm"}, Colours),
    (3, True, {"TERM": "dumb"}, Plain),
    (3, True, {"TERM": "xterm", "NO_COLOR": "1"}, Plain),
])
def test_several_hosts_get_a_table_on_a_terminal_that_can_show_one(
    hosts: int, live: bool, environment: dict[str, str], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(open_screen(environment, hosts=hosts, debug=False, live=live), kind)
