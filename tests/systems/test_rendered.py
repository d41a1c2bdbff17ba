from __future__ import annotations

from pathlib import Path

from opsbook.systems.rendered import absent, unfilled
from tests.fake import fake_host
from tests.here import Here
from tests.repos import repo


def test_only_untracked_files_that_still_hold_a_variable_are_named(tmp_path: Path) -> None:
    checkout = repo(tmp_path / "checkout", {"conf/tracked.yml": "a: ${TRACKED}\n", ".gitignore": "conf/*.out\n"})
    (checkout / "conf/bad one.out").write_text("key: ${SECRET_KEY}\n")
    (checkout / "conf/good.out").write_text("key: value, ${1} is a replacement\n")
    (checkout / "elsewhere.out").write_text("key: ${SECRET_KEY}\n")
    host = fake_host(Here())
    assert host.read(unfilled(str(checkout), ["conf"])) == ("conf/bad one.out",)
    assert host.read(unfilled(str(checkout), ["conf/good.out"])) == ()
    assert host.read(unfilled(str(checkout), ["conf/tracked.yml"])) == ()


def test_only_what_is_not_there_is_absent(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    paths = [str(tmp_path / "here"), str(tmp_path / "not here"), str(tmp_path)]
    assert fake_host(Here()).read(absent(paths)) == (str(tmp_path / "not here"),)
