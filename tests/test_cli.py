from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import click
import pytest

from opsbook import __version__
from opsbook.cli.crash import CrashFile
from opsbook.cli.main import answer
from opsbook.cli.state import State
from opsbook.cli.workbook import cli
from opsbook.commands import COMMANDS
from opsbook.errors import Locked, Trouble, Unreachable, UsageError
from opsbook.options import Options
from tests.typed import SITE, Terminal

ROOT = Path(__file__).parent.parent
HEAVY = ("fabric", "paramiko", "invoke", "requests", "urllib3", "rich.console", "cryptography", "sqlite3", "asyncio")


@pytest.fixture
def terminal(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    return Terminal(capfd, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "VPS_I1_HOST": "127.0.0.1"})


def test_opsbook_alone_shows_the_runbooks_by_chapter_and_the_commands(terminal: Terminal) -> None:
    typed = terminal.type()
    assert typed.code == 0
    places = [typed.out.index(words) for words in (
        "Runbooks: prometheus:", "reload-sample  ", "Runbooks: stack:", "restart-sample", "Commands:", "history"
    )]
    assert places == sorted(places)
    assert typed.out == terminal.type("--help").out == terminal.type("-h").out


def test_the_version_is_told(terminal: Terminal) -> None:
    assert terminal.type("--version").out == f"opsbook {__version__}\n"


def test_list_shows_every_runbook_with_chapter_and_risk(terminal: Terminal) -> None:
    out = terminal.type("list").out
    assert re.search(r"^prometheus\n(  .*\n)*  reload-sample +mild +Reload the sample's rules$", out, re.MULTILINE)
    found = json.loads(terminal.type("list", "--json").out)
    assert {"name": "look-sample", "chapter": "stack", "title": "Tell how the host is", "risk": "reads", "broken": ""} in found


def test_a_broken_runbook_breaks_neither_list_nor_help_nor_its_neighbours(terminal: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "site" / "runbooks"
    folder.mkdir(parents=True)
    (folder.parent / "inventory.yaml").write_text("hosts: {web: {address: 127.0.0.1}}")
    (folder / "torn.py").write_text('"""Torn')
    good = (SITE / "runbooks" / "stack" / "look_sample.py").read_text()
    (folder / "whole.py").write_text(good)
    (folder / "later.py").write_text(good + "import a_module_that_nobody_has\n")
    (folder / "list.py").write_text(good)
    here = Terminal(terminal.captured, terminal.environment, folder.parent)
    listed = here.type("list")
    assert listed.code == 0
    for words in ("whole", "torn  ", "cannot be run: ", "torn.py:1: ", "list.py: list is a command of opsbook"):
        assert words in listed.out
    assert here.type("--help").code == 0
    assert here.type("whole").out == "I am web\n"
    torn, later = here.type("torn"), here.type("later")
    assert (torn.code, later.code) == (2, 2)
    assert "torn.py:1: " in torn.err
    line = len(good.splitlines()) + 1
    assert f"later.py:{line}: ModuleNotFoundError" in later.err
    assert here.type("later", "--help").code == 0


@pytest.fixture
def own_site(terminal: Terminal, tmp_path: Path) -> Terminal:
    """A site with one host and a runbook that says when it is imported, and refuses the word no."""
    folder = tmp_path / "site" / "runbooks"
    folder.mkdir(parents=True)
    (folder.parent / "inventory.yaml").write_text("hosts: {web: {address: 127.0.0.1}}")
    (folder / "telling.py").write_text((SITE / "runbooks" / "stack" / "look_sample.py").read_text() + """
import os
from dataclasses import dataclass
os.write(2, b"imported\\n")

@dataclass(frozen=True)
class Params:
    word: str | None = None

    def __post_init__(self) -> None:
        if self.word == "no":
            raise ValueError("no is not taken")
""")
    return Terminal(terminal.captured, terminal.environment, folder.parent)


def test_the_first_line_comes_before_the_runbook_is_imported(own_site: Terminal) -> None:
    said = own_site.type("telling")
    assert said.out == "I am web\n"
    assert said.err.splitlines()[:2] == ["telling on web (127.0.0.1)", "imported"]


def test_what_a_runbook_refuses_by_itself_is_told_instead_of_a_first_line(own_site: Terminal) -> None:
    said = own_site.type("telling", "--word", "no")
    assert said.code == 2
    assert said.err.splitlines() == ["imported", "no is not taken", "  next: opsbook telling --help"]
    assert own_site.type("telling", "--word", "yes").code == 0


def test_a_wrong_host_or_value_is_told_without_importing_the_runbook(own_site: Terminal) -> None:
    assert [own_site.type("telling", *words).code for words in (("wep",), ("--word", ""), ("--group", "none"))] == [2, 2, 2]
    assert own_site.type("telling", "wep").err.splitlines()[0] == 'the inventory has no host "wep"'
    assert own_site.type("telling", "--group", "none").err == 'no host has the role "none"\n'


def test_show_prints_the_page_and_the_titles(terminal: Terminal) -> None:
    out = terminal.type("show", "reload-sample").out
    for words in (
        "reload-sample: Reload the sample's rules",
        "When   a file under prometheus/rules changed in the config repo, or somebody\n       asked for it.",
        "Risk   mild: Prometheus keeps",
        "Steps\n  1. Confirm that Prometheus answers\n  2. Ask Prometheus to reload\n",
        "Proof\n  1. Prometheus is ready\n",
        "Undo\n  1. Ask Prometheus to reload\n",
    ):
        assert words in out
    page = json.loads(terminal.type("--json", "show", "look-sample").out)
    assert (page["answer"], page["steps"], page["risk"]) == ("Answer with its name", [], "reads")


def test_show_tells_what_is_proven_from_outside(own_site: Terminal) -> None:
    out = own_site.type("show", "install-node-exporter").out
    assert "From outside, after the proof; where it is not true, nothing is undone\n  1. The scraper sees it up" in out


def test_hosts_marks_what_is_not_set(terminal: Terminal) -> None:
    terminal.environment.pop("VPS_I1_HOST")
    typed = terminal.type("hosts")
    assert "vps-i1   (not set)" in typed.out
    assert "bastion  192.0.2.9:2222  jumper" in typed.out
    assert "vps-i1: not set: VPS_I1_HOST" in typed.err
    hosts = json.loads(terminal.type("hosts", "--json").out)["hosts"]
    assert [host["missing"] for host in hosts if host["missing"]] == [["VPS_I1_HOST"]]


def test_a_private_key_is_never_shown_by_hosts(terminal: Terminal) -> None:
    terminal.environment["VPS_MONITORING_SSH_KEY"] = "-----BEGIN OPENSSH PRIVATE KEY-----\nSECRETSECRET\n"
    assert "SECRETSECRET" not in terminal.type("hosts", "--json").out + terminal.type("hosts").out


@pytest.mark.parametrize(("words", "told"), [
    (("reload-sampel",), "did you mean reload-sample?"),
    (("lst",), "did you mean list?"),
    (("show", "restart-sampel"), "did you mean restart-sample?"),
    (("reload-sample", "vps-i2"), "did you mean vps-i1?"),
    (("restart-sample", "prometeus"), "did you mean prometheus?"),
    (("restart-sample", "vps-i1"), "vps-i1 is a host; say which service"),
    (("reload-sample", "prometheus"), "prometheus is a service, not a host"),
    (("restart-sample",), "opsbook restart-sample: missing argument 'SERVICE'"),
    (("restart-sample",), "next: opsbook restart-sample [OPTIONS] SERVICE [HOST]..."),
    (("history", "show"), "next: opsbook history show [OPTIONS] RUN"),
    (("reload-sample", "--reff", "x"), "opsbook reload-sample: no such option"),
    (("reload-sample", "--ref"), "option '--ref' requires an argument"),
    (("restart-sample", "prometheus", "--timeout", "soon"), "'soon' is not a valid integer"),
    (("restart-sample", "prometheus", "--how", "explode"), "'explode' is not one of 'stop', 'kill'"),
    (("restart-sample", "prometheus", "--only", "lok"), 'no stack has a service "lok"'),
    (("reload-sample", "--ref=--upload-pack=id"), "would be read as an option"),
    (("reload-sample", "--ref", "a\nb"), "no line ends"),
    (("look-sample",), "several hosts fit"),
    (("look-sample", "--group", "nodes"), "did you mean node?"),
    (("--inventory", "gone.yaml", "hosts"), "there is no inventory"),
    (("--lab", "--inventory", "inventory.yaml", "hosts"), "exclude each other"),
    (("--wait", "-1", "reload-sample"), "-1"),
    (("--nonsense", "hosts"), "no such option"),
])
def test_wrong_usage_is_told_in_words_with_exit_2(terminal: Terminal, words: tuple[str, ...], told: str) -> None:
    typed = terminal.type(*words)
    assert (typed.code, typed.out) == (2, "")
    assert told in typed.err
    assert "Traceback" not in typed.err


def test_an_option_that_a_command_cannot_honour_is_refused_and_not_ignored(terminal: Terminal) -> None:
    assert "opsbook hosts has no --plan" in terminal.type("--plan", "hosts").err
    assert "opsbook look-sample has no --discard" in terminal.type("--discard", "look-sample", "serverB").err
    assert terminal.type("--plan", "hosts").code == 2
    assert "opsbook history has no --plan" in terminal.type("--plan", "history").err


def test_options_are_understood_on_both_sides_of_the_command(terminal: Terminal) -> None:
    before, after = terminal.type("--json", "hosts"), terminal.type("hosts", "--json")
    assert before == after
    assert json.loads(before.out)["lab"] is None
    other = str(ROOT / "inventory.yaml")
    assert terminal.type("--inventory", other, "hosts") == terminal.type("hosts", "--inventory", other)


def test_a_reading_runbook_answers_with_its_host_named_last(terminal: Terminal) -> None:
    typed = terminal.type("look-sample", "serverB")
    assert (typed.code, typed.out) == (0, "I am serverB\n")
    assert typed.err.startswith("look-sample on serverB (192.0.2.2)\n")


@pytest.mark.parametrize(("option", "wrong"), [
    *(("--batch", wrong) for wrong in ("0", "0%", "150%", "-1", "x")), ("--max-fail", "-1"), ("--max-fail", "101%"),
])  # fmt: skip
def test_a_wrong_number_of_hosts_is_refused_by_its_option_before_the_run_begins(terminal: Terminal, option: str, wrong: str) -> None:
    typed = terminal.type("restart-sample", "prometheus", option, wrong)
    assert typed.code == 2
    assert f"invalid value for '{option}': expected a number of hosts" in typed.err
    assert f'got "{wrong}"' in typed.err
    assert "restart-sample on" not in typed.err


def test_the_help_of_a_runbook_is_its_page_with_arguments_and_options(terminal: Terminal) -> None:
    out = terminal.type("restart-sample", "--help").out
    assert out.startswith("Usage: opsbook restart-sample [OPTIONS] SERVICE [HOST]...\n")
    for words in ("Risk  severe: requests", "SERVICE  the service to restart", "--how [stop|kill]", "[default: 20]", "--plan", "--jobs"):
        assert words in out
    assert "--plan" not in terminal.type("look-sample", "--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(terminal: Terminal, name: str) -> None:
    typed = terminal.type(name, "--help")
    assert typed.code == 0
    assert len(typed.out.splitlines()[2].strip()) > 10
    assert cli.get_short_help_str() != ""


def test_a_command_that_needs_a_subcommand_shows_its_help_and_is_no_mistake(terminal: Terminal) -> None:
    typed = terminal.type("lab")
    assert (typed.code, typed.err) == (0, "")
    assert typed.out == terminal.type("lab", "--help").out


def test_every_subcommand_of_a_command_has_help(terminal: Terminal) -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli, obj=State({}, SITE)), name)
        for inner in command.commands.values() if isinstance(command, click.Group) else ():
            assert inner.get_short_help_str(), f"{name} {inner.name}"


def test_every_option_of_opsbook_is_told_in_the_help_of_some_command(terminal: Terminal) -> None:
    out = terminal.type("reload-sample", "--help").out + terminal.type("undo", "--help").out
    for name in Options.__dataclass_fields__:
        assert f"--{name.strip('_').replace('_', '-')}" in out


@pytest.mark.parametrize("error", [UsageError("a"), Locked("b"), Unreachable("c"), Trouble("d")])
def test_an_error_leaves_with_its_exit_code_and_its_lines(error: UsageError, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise error

    assert answer(fails, State({}, SITE)) == error.exit_code
    assert capsys.readouterr().err == f"{error}\n"


def test_a_secret_in_an_error_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    state = State({}, SITE)
    state.mask.learn(["hunter2hunter2"])

    def fails() -> None:
        raise UsageError("no", saw="it said hunter2hunter2")

    answer(fails, state)
    assert "hunter2" not in capsys.readouterr().err


def test_an_interrupt_outside_of_a_run_exits_130() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with redirect_stderr(io.StringIO()) as said:
        assert answer(interrupted, State({}, SITE)) == 130
    assert said.getvalue() == "interrupted\n"


def test_a_private_key_given_as_text_is_hidden_from_then_on(terminal: Terminal) -> None:
    lines = ["b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW", "QyNTUxOQAAACDx"]
    text = "\n".join(["-----BEGIN OPENSSH PRIVATE KEY-----", *lines, "-----END OPENSSH PRIVATE KEY-----"])
    state = State({**terminal.environment, "VPS_MONITORING_SSH_KEY": text}, SITE)
    state.inventory()
    assert not any(line in state.mask(f"here it is: {text}") for line in lines)


def test_debug_shows_where_an_error_came_from_and_masks_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    state = State({}, SITE, Options(debug=True))
    state.mask.learn(["hunter2hunter2"])

    def fails() -> None:
        raise UsageError("it said hunter2hunter2")

    assert answer(fails, state) == 2
    said = capsys.readouterr().err
    assert "in fails" in said
    assert "hunter2" not in said


def test_a_bug_is_kept_masked_in_a_private_file_and_exits_70(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = State({"XDG_STATE_HOME": str(tmp_path)}, SITE)
    state.mask.learn(["hunter2hunter2"])
    with pytest.raises(SystemExit) as left, CrashFile(state):
        raise ZeroDivisionError("hunter2hunter2")
    assert left.value.code == 70
    (kept,) = (tmp_path / "opsbook" / "crash").iterdir()
    said = capsys.readouterr().err
    assert str(kept) in said
    assert "ZeroDivisionError" in kept.read_text()
    assert "hunter2" not in kept.read_text() + said
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_bug_is_told_even_where_its_file_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "opsbook").write_text("a file where the folder should be")
    with pytest.raises(SystemExit), CrashFile(State({"XDG_STATE_HOME": str(tmp_path)}, SITE)):
        raise ZeroDivisionError("boom")
    said = capsys.readouterr().err
    assert "could not be kept" in said
    assert "Traceback" in said


def test_an_exit_passes_the_crash_file_unchanged(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left, CrashFile(State({"XDG_STATE_HOME": str(tmp_path)}, SITE)):
        sys.exit(4)
    assert left.value.code == 4
    assert list(tmp_path.iterdir()) == []


def outside(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -X importtime -m opsbook WORDS` in a process of its own."""
    known = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "VPS_I1_HOST": "127.0.0.1", **environment}
    program = [sys.executable, "-X", "importtime", "-m", "opsbook", *words]
    return subprocess.run(program, cwd=SITE, env=known, capture_output=True, text=True, timeout=60, check=False)


def imported(ended: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}


QUICK = [("--help",), ("list",), ("show", "reload-sample"), ("--version",), ("reload-sample", "--help"), ("hosts",)]


@pytest.mark.parametrize("words", QUICK)
def test_what_only_reads_files_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    ended = outside(*words)
    assert ended.returncode == 0
    assert imported(ended) & set(HEAVY) == set()
    assert ("yaml" in imported(ended)) == (words == ("hosts",))


@pytest.mark.parametrize("line", ["opsbook ", "opsbook restart-sample ", "opsbook restart-sample prometheus ", "opsbook show "])
def test_completion_imports_nothing_heavy_and_no_runbook(line: str) -> None:
    ended = outside(COMP_WORDS=line, COMP_CWORD=str(line.count(" ")), _OPSBOOK_COMPLETE="bash_complete")
    assert ended.returncode == 0
    assert imported(ended) & {*HEAVY, "opsbook.host", "opsbook.check", "opsbook.runbook"} == set()


def test_a_closed_pipe_is_no_bug() -> None:
    program = f"{sys.executable} -m opsbook --help | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", program], cwd=SITE, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in ended.stderr
    assert "a bug" not in ended.stderr


def test_odd_bytes_in_the_arguments_are_told_and_not_a_bug() -> None:
    program = [sys.executable.encode(), b"-m", b"opsbook", b"show", b"\xff\xfe"]
    ended = subprocess.run(program, cwd=SITE, capture_output=True, timeout=60, check=False, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    assert ended.returncode == 2
    assert b"no runbook is called" in ended.stderr


def test_jsonl_tells_the_answer_of_a_reading_runbook_and_the_journal_does_not_keep_it(terminal: Terminal) -> None:
    typed = terminal.type("look-sample", "serverB", "--jsonl")
    events = [json.loads(line) for line in typed.out.splitlines()]
    (told,) = (event for event in events if event["kind"] == "answer")
    assert (told["host"], told["detail"]) == ("serverB", {"data": "serverB", "trouble": "", "next": ""})
    assert events[-1]["kind"] == "end"
    run = json.loads(terminal.type("history", "--json").out)[0]["id"]
    kept = json.loads(terminal.type("history", "show", run, "--json").out)["events"]
    assert [event["kind"] for event in kept] == [event["kind"] for event in events if event["kind"] != "answer"]


@pytest.mark.parametrize("words", [
    ("restart-sample", "prometeus", "--json"),
    ("--json", "restart-sample", "prometeus"),
])
def test_an_error_before_the_run_is_a_json_document_for_who_asked_for_one(terminal: Terminal, words: tuple[str, ...]) -> None:
    typed = terminal.type(*words)
    told = json.loads(typed.out)
    assert (typed.code, told["code"]) == (2, 2)
    assert told["error"]["what"] in typed.err
    assert told["error"]["next"] == "did you mean prometheus?"


@pytest.mark.parametrize("words", [
    ("nonsense", "--json"), ("--json", "--nonsense"), ("restart-sample", "--json"), ("hosts", "--no", "--json")
])
def test_a_line_that_cannot_be_parsed_is_told_as_json_too(terminal: Terminal, words: tuple[str, ...]) -> None:
    typed = terminal.type(*words)
    assert (typed.code, json.loads(typed.out)["code"]) == (2, 2)


def test_an_inventory_that_is_not_there_is_told_as_json_too(terminal: Terminal) -> None:
    typed = terminal.type("--inventory", "/nowhere/inventory.yaml", "hosts", "--json")
    assert json.loads(typed.out) == {
        "code": 2, "error": {
            "what": "there is no inventory /nowhere/inventory.yaml", "saw": "no such file", "next": "opsbook --inventory FILE …"
        }
    }
    assert typed.err.splitlines()[0] == "there is no inventory /nowhere/inventory.yaml"
