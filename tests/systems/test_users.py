from __future__ import annotations

import base64
import getpass
import subprocess

import pytest

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.users import KEYS, Entry, User, add, look, parse_user, write_keys

HOME = "/home/claude-admin"
GOOD = (Entry(0o755, "claude-admin", "directory"), Entry(0o700, "claude-admin", "directory"), Entry(0o600, "claude-admin", "regular file"))
TOLD = f"1000\n{HOME}\n/bin/bash\nclaude-admin docker\n755 claude-admin directory\n700 root directory\n-\n"


def user(*entries: Entry | None) -> User:
    return User(1000, HOME, "/bin/bash", ("claude-admin",), entries)


def test_a_user_is_told_with_its_groups_and_the_way_to_its_keys() -> None:
    keys = base64.b64encode(b"ssh-ed25519 AAAA a\n# b\n").decode()
    told = parse_user(Result(0, f"{TOLD}{keys}\n"))
    entries = (GOOD[0], Entry(0o700, "root", "directory"), None)
    assert told == User(1000, HOME, "/bin/bash", ("claude-admin", "docker"), entries, ("ssh-ed25519 AAAA a", "# b"))


def test_a_user_without_keys_and_one_that_is_not_there_are_answers() -> None:
    told = parse_user(Result(0, f"{TOLD}\n"))
    assert (told is not None and told.keys) == ()
    assert parse_user(Result(44)) is None


@pytest.mark.parametrize("text", ["", "1000\n", TOLD.replace("-\n", ""), f"{TOLD}?\n"])
def test_half_an_answer_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_user(Result(0, text))


def test_the_look_works_on_this_machine() -> None:
    asked = look(getpass.getuser()).ask
    assert isinstance(asked, Command)
    done = subprocess.run(["bash", "-c", asked.line()], capture_output=True, text=True, check=True)
    found = parse_user(Result(0, done.stdout))
    assert found is not None
    assert found.entries[0] is not None


@pytest.mark.parametrize(
    ("entries", "wrong"),
    [
        (GOOD, []),
        ((Entry(0o755, "root", "directory"), *GOOD[1:]), []),
        ((Entry(0o775, "claude-admin", "directory"), *GOOD[1:]), [f"{HOME}: directory of claude-admin, mode 0775"]),
        ((GOOD[0], Entry(0o700, "root", "directory"), None), [f"{HOME}/.ssh: directory of root, mode 0700", f"{HOME}/{KEYS}: missing"]),
        ((*GOOD[:2], Entry(0o777, "claude-admin", "symbolic link")), [f"{HOME}/{KEYS}: symbolic link of claude-admin, mode 0777"]),
    ],
)
def test_what_shuts_the_user_out_or_lets_others_write_is_named(entries: tuple[Entry | None, ...], wrong: list[str]) -> None:
    assert list(user(*entries).shuts_out("claude-admin")) == wrong


def test_root_is_asked_for_by_words_before_the_command() -> None:
    assert str(add("a", ()).do).startswith("useradd --create-home")
    assert str(add("a", ("sudo", "-n")).do).startswith("sudo -n useradd --create-home")


def test_keys_go_by_standard_input() -> None:
    change = write_keys("a", "/home/a", ("one", "two"), ())
    assert change.stdin == "one\ntwo\n"
    assert "one" not in str(change.do)
