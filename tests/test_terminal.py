from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from rich.console import Console

from opsbook.answer import Answer, Table
from opsbook.cli.main import main
from opsbook.events import Event
from opsbook.screen import Colours, Plain, Screen, first_line
from opsbook.screen.lines import aligned
from opsbook.screen.terminal import raw, tame, tamed_streams

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \x9b31m \x08\x08\r ok \x00 \u202egpj.exe\u2066 \x7f"
OBEYED = set("\x00\x07\x08\x0b\x0c\r\x1b\x7f\x85\x9b\u2028\u202e\u2066")


def a_stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    bytes_ = stream.buffer
    assert isinstance(bytes_, io.BytesIO)
    return bytes_.getvalue().decode()


def test_what_a_terminal_would_obey_is_shown_as_its_code() -> None:
    assert not OBEYED & set(tame(HOSTILE))
    assert tame("\x1b[31m") == "\\u001b[31m"


def test_text_tabs_line_ends_and_letters_of_every_language_stay() -> None:
    text = "plain\ttext\nzażółć gęślą jaźń — 監視 ✓ 👩‍💻\n"
    assert tame(text) == text
    assert tame("from\r\nWindows\r\n") == "from\nWindows\n"


def test_a_tamed_json_document_is_still_that_document() -> None:
    document = json.dumps({"log": HOSTILE}, ensure_ascii=False)
    assert json.loads(tame(document)) == {"log": HOSTILE}


def test_whatever_prints_on_a_tamed_stream_prints_plain_text() -> None:
    out, err = a_stream(), a_stream()
    with redirect_stdout(out), redirect_stderr(err):
        with tamed_streams():
            sys.stdout.write(HOSTILE)
            sys.stderr.writelines([HOSTILE, "ü\n"])
            raw(sys.stdout).write("\x1b[1mours\x1b[0m")
        assert (sys.stdout, sys.stderr) == (out, err)
    assert written(out) == tame(HOSTILE) + "\x1b[1mours\x1b[0m"
    assert written(err) == tame(HOSTILE) + "ü\n"


def test_the_streams_go_on_after_the_block_and_blocks_may_be_nested() -> None:
    out = a_stream()
    with redirect_stdout(out):
        with tamed_streams():
            with tamed_streams():
                sys.stdout.write("\x07")
            sys.stdout.write("\x07")
        sys.stdout.write("after")
    assert written(out) == "\\u0007\\u0007after"


def test_an_error_of_the_command_line_does_not_reach_the_terminal_raw(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main([HOSTILE.replace("\x00", "")], {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})
    said = capfd.readouterr()
    assert left.value.code == 2
    assert not OBEYED & set(said.out + said.err)


def test_the_first_line_is_tamed(capfd: pytest.CaptureFixture[str]) -> None:
    first_line(HOSTILE)
    assert not OBEYED & set(capfd.readouterr().err)


@pytest.mark.parametrize("make", ["plain", "colours"])
def test_host_text_in_events_and_answers_is_shown_tamed(make: str) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, force_terminal=False, highlight=False)
    screen: Screen = Plain(2, debug=True, err=out, out=out) if make == "plain" else Colours(2, debug=True, err=console, out=console)
    kinds = ("step", "say", "then", "write", "read", "evidence", "fail", "line")
    for kind in kinds:
        screen.tell(Event(kind, "web1", HOSTILE, {"saw": HOSTILE, "next": HOSTILE, "change": HOSTILE}))  # type: ignore[arg-type]
    for ok in (True, False):
        screen.tell(Event("proof", "web1", HOSTILE, {"ok": ok, "saw": HOSTILE}))
    screen.tell(Event("end", "web1", HOSTILE, {"code": 0, "seconds": 1.0}))
    screen.tell(Event("wait", "web1", HOSTILE, {"saw": HOSTILE, "left": 1.0}))
    screen.answer("web1", Answer(table=Table(("name",), ((HOSTILE,),)), lines=(HOSTILE,)))
    assert "\\u001b[2J" in out.getvalue()
    assert not OBEYED & set(out.getvalue())


def test_a_line_of_a_host_cannot_pass_for_one_of_ours() -> None:
    out = io.StringIO()
    screen = Plain(1, debug=False, err=out, out=out)
    screen.tell(Event("fail", "web1", "not so\nweb1  proven   all is well", {}))
    screen.tell(Event("say", "web1", "so\nweb1  proven   all is well"))
    assert [line for line in out.getvalue().splitlines() if line.startswith("web1  proven")] == []


def test_a_cell_with_line_ends_stays_in_its_row() -> None:
    rows = list(aligned(Table(("name", "state"), (("a\nb", "up"), ("\x1b[2K", "down")))))
    assert rows == ["NAME       STATE", "a b        up", "\\u001b[2K  down"]
