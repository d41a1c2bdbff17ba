from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from opsbook.errors import CommandFailed
from opsbook.shell import Secret
from opsbook.systems.password_text import holding, spellings, tracked, with_password
from tests.fake import fake_host
from tests.here import Here, ask
from tests.repos import git

OLD = "old-and-long-1"
NASTY = """a 'b' "c" $x \\ #d: ü"""


@pytest.mark.parametrize("new", ["new-one", "yes", "12345678", "1e5", "-dash", NASTY])
@pytest.mark.parametrize("written", [OLD, f"'{OLD}'", f'"{OLD}"'])
def test_a_yaml_client_reads_the_new_password_whatever_is_in_it(written: str, new: str) -> None:
    text = f"scrape_configs:\n- basic_auth: # here\n    username: {OLD}-user\n    password: {written}   # and there\n  x: 1\n"
    made = with_password("p.yml", text, OLD, new) if OLD not in text.replace(written, "") else None
    assert made is None     # the name of the user holds the password, too: only a human can tell
    text = text.replace(f"{OLD}-user", "admin")
    made = with_password("p.yml", text, OLD, new)
    assert made is not None
    assert yaml.safe_load(made)["scrape_configs"][0]["basic_auth"]["password"] == new
    assert made.startswith("scrape_configs:\n- basic_auth: # here\n    username: admin\n    password: ")
    assert made.endswith("   # and there\n  x: 1\n")


def test_grafanas_datasources_and_alloys_strings_are_understood() -> None:
    source = f'secureJsonData:\n  basicAuthPassword: "{OLD}"\n'
    made = with_password("datasources.yml", source, OLD, NASTY)
    assert made is not None
    assert yaml.safe_load(made) == {"secureJsonData": {"basicAuthPassword": NASTY}}
    assert with_password("a.alloy", f'password = "{OLD}"\n', OLD, NASTY) == f"password = {json.dumps(NASTY, ensure_ascii=False)}\n"


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_password_file_holds_nothing_else_and_keeps_its_end(end: str) -> None:
    assert with_password("prom.pass", OLD + end, OLD, NASTY) == NASTY + end


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("run.sh", f"curl --user admin:{OLD} https://localhost\n"),
        ("p.yml", f"command: --password={OLD}\n"),
        ("p.yml", f"password: {OLD}\nurl: https://admin:{OLD}@prometheus\n"),
        ("p.yml", f"# was {OLD}\npassword: {OLD}\n"),
        ("p.yml", f"broken: [\npassword: {OLD}\n"),
        ("a.alloy", f'password = "{OLD}"   // {OLD}\n'),
    ],
)
def test_what_is_not_understood_as_a_whole_is_left_to_a_human(path: str, text: str) -> None:
    assert with_password(path, text, OLD, "new-one-here") is None


def test_files_are_found_in_every_spelling_but_not_in_gits_own_store(tmp_path: Path) -> None:
    for name, text in {
        "plain": f"x {NASTY}", "deep/er/y.yml": NASTY.replace("'", "''"), "j.json": json.dumps({"p": NASTY}),
        ".git/objects/x": NASTY, "origin.git/y": NASTY, "other": "nothing", "binary": f"\0{NASTY}", "with space": NASTY,
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert ask(holding(str(tmp_path), Secret(NASTY))) == ("deep/er/y.yml", "j.json", "plain", "with space")
    assert ask(holding(str(tmp_path), Secret("not-there-at-all"))) == ()


# A `find` that kills the search when it comes to the files.
DEADLY = """#!/bin/bash
[ "$1" = . ] && kill -KILL "$PPID"
exec /usr/bin/find "$@"
"""


def test_what_a_killed_search_leaves_goes_with_a_later_one(tmp_path: Path) -> None:
    temporary, programs = tmp_path / "tmp", tmp_path / "bin"
    for folder in (temporary, programs):
        folder.mkdir()
    (programs / "find").write_text(DEADLY)
    (programs / "find").chmod(0o755)
    question, env = holding(str(programs), Secret(NASTY)), {"TMPDIR": str(temporary)}
    with pytest.raises(CommandFailed):
        fake_host(Here(env={**env, "PATH": f"{programs}:/usr/bin:/bin"})).read(question)
    (left,) = temporary.iterdir()
    os.utime(left, (1, 1))
    assert fake_host(Here(env=env)).read(question) == ()
    assert list(temporary.iterdir()) == []


def test_the_password_is_no_argument_of_the_search() -> None:
    question = holding("/opt", Secret(NASTY))
    assert not any(way in str(question.ask) or way in question.ask.line() for way in spellings(NASTY))     # type: ignore[union-attr]


def test_what_git_tracks_is_told_from_what_it_does_not(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", "a")
    assert ask(tracked([str(tmp_path / "a"), str(tmp_path / "b")])) == (str(tmp_path / "a"),)


def test_where_there_is_no_checkout_nothing_is_tracked(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    assert ask(tracked([str(tmp_path / "a")])) == ()


def test_a_git_that_does_not_answer_is_no_untracked_file(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_text("a")
    git(tmp_path, "add", "deep/a")
    host = fake_host(Here(env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}))
    with pytest.raises(CommandFailed, match="dubious ownership"):
        host.read(tracked([str(tmp_path / "deep" / "a")]))
