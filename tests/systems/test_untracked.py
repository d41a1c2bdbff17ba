from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.systems.git import Git
from opsbook.systems.untracked import TOO_MUCH, Excess, carry, parse_carried
from tests.here import ask
from tests.repos import repo


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout, in a folder whose name wants quoting."""
    return repo(tmp_path / "the host's checkout", {"rules/a.yml": "one\n", "README": "hello\n"})


@pytest.fixture
def folder(checkout: Path, tmp_path: Path) -> Path:
    """Its commit, exported."""
    found = tmp_path / "scratch"
    found.mkdir()
    ask(Git(str(checkout)).export("HEAD", str(found)))
    return found


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def write(path: Path, size: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


def test_what_git_does_not_track_is_put_beside_the_exported_tree(checkout: Path, folder: Path) -> None:
    (checkout / ".gitignore").write_text("secret\n")
    write(checkout / "rules/secret")
    (checkout / "rules/a.yml").write_text("mended by hand\n")
    assert ask(carry(str(checkout), str(folder), ["rules"])) is None
    assert names(folder) == {"rules/a.yml", "README", "rules/secret"}
    assert (folder / "rules/a.yml").read_text() == "one\n"


def test_data_within_a_folder_stays_behind_and_stands_empty(checkout: Path, folder: Path) -> None:
    write(checkout / "rules/secret")
    write(checkout / "rules/data/wal/0001", 1000)
    write(checkout / "state.json")
    assert ask(carry(str(checkout), str(folder), ["rules"], ["rules/data", "state.json"], limit=10)) is None
    assert names(folder) == {"rules/a.yml", "README", "rules/secret", "state.json"}
    assert (folder / "rules/data").is_dir()
    assert (folder / "state.json").read_bytes() == b""


def test_nothing_stands_in_for_a_tracked_file_that_the_commit_removes(checkout: Path, folder: Path) -> None:
    (folder / "rules/a.yml").unlink()
    assert ask(carry(str(checkout), str(folder), [], ["rules/a.yml"])) is None
    assert names(folder) == {"README"}


def test_where_everything_is_data_nothing_is_copied(checkout: Path, folder: Path) -> None:
    write(checkout / "other")
    assert ask(carry(str(checkout), str(folder), [], ["rules"])) is None
    assert names(folder) == {"rules/a.yml", "README"}


def test_configuration_within_data_is_copied_all_the_same(checkout: Path, folder: Path) -> None:
    write(checkout / "rules/secret")
    assert ask(carry(str(checkout), str(folder), ["rules"], ["."])) is None
    assert names(folder) == {"rules/a.yml", "README", "rules/secret"}


def test_names_are_taken_as_they_are_and_never_as_patterns(checkout: Path, folder: Path) -> None:
    write(checkout / "[ab]/$(touch pwned) \n x")
    write(checkout / "a/other")
    assert ask(carry(str(checkout), str(folder), ["[ab]"])) is None
    assert names(folder) == {"rules/a.yml", "README", "[ab]/$(touch pwned) \n x"}
    assert not list(checkout.rglob("pwned"))


def test_the_whole_checkout_may_be_meant(checkout: Path, folder: Path) -> None:
    write(checkout / "secret")
    assert ask(carry(str(checkout), str(folder), ["."])) is None
    assert "secret" in names(folder)


def test_more_than_the_limit_is_not_copied_and_its_folder_named(checkout: Path, folder: Path) -> None:
    write(checkout / "rules/small", 100)
    for block in ("01", "02", "03"):
        write(checkout / f"rules/data/{block}/chunks", 300)
    assert ask(carry(str(checkout), str(folder), ["rules"], limit=999)) == Excess(1000, "rules/data", 900)
    assert names(folder) == {"rules/a.yml", "README"}
    assert ask(carry(str(checkout), str(folder), ["rules"], limit=1000)) is None
    assert "rules/small" in names(folder)


def test_a_single_file_that_is_too_big_is_told(checkout: Path, folder: Path) -> None:
    write(checkout / "a-dump", 50)
    assert ask(carry(str(checkout), str(folder), ["."], limit=10)) == Excess(50, ".", 50)


def test_a_repository_within_the_checkout_counts_with_all_that_is_in_it(checkout: Path, folder: Path) -> None:
    write(repo(checkout / "rules/nested", {"a": "1"}) / "big", 100_000)
    found = ask(carry(str(checkout), str(folder), ["rules"], limit=90_000))
    assert found is not None
    assert found.total > 100_000


def test_the_copying_has_a_time_limit_on_the_host() -> None:
    asked = carry("/opt/p24", "/tmp/x", ["rules"])
    assert asked.ask.words[0] == "timeout"  # type: ignore[union-attr]
    assert asked.within > 60


def test_one_big_file_is_told_by_its_folder() -> None:
    table = "2100\ttotal\x002000\ta/b/big\x0050\ta/small\x0050\tc\x00"
    assert parse_carried(Result(TOO_MUCH, table)) == Excess(2100, "a/b", 2000)
