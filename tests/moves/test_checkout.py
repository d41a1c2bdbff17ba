from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.errors import Refused
from opsbook.host import Host, Run
from opsbook.moves import checkout as moves
from opsbook.systems.commit import Change
from tests.fake import ENTRY, STACK, FakeGuard, a_run, fake_host
from tests.here import Here
from tests.repos import clone, commit, git, repo


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return repo(tmp_path / "source", {"rules/a.yml": "one\n", "rules/b.yml": "one\n", "README": "hello\n"})


@pytest.fixture
def where(source: Path, tmp_path: Path) -> Path:
    return clone(source, tmp_path / "checkout")


def host_at(where: Path, run: Run | None = None) -> Host:
    return fake_host(Here(), entry=replace(ENTRY, stack=replace(STACK, checkout=str(where))), run=run)


def head(where: Path) -> str:
    return git(where, "rev-parse", "HEAD")


def test_what_comes_is_fetched_shown_merged_and_taken_back(source: Path, where: Path) -> None:
    host, old = host_at(where), head(where)
    new = commit(source, "second", {"rules/a.yml": "two\n"})
    assert moves.fetch(host, None) == new
    assert moves.come(host) == (Change("M", "rules/a.yml"),)
    assert head(where) == old
    moves.forward(host)
    assert (head(where), host.run.kept) == (new, {"incoming_commit": new, "old_commit": old, "new_commits": [new]})
    moves.back(host)
    assert head(where) == old


def test_a_rerun_after_a_crash_still_goes_back_to_where_the_first_run_began(source: Path, where: Path) -> None:
    first, old = host_at(where), head(where)
    commit(source, "second", {"rules/a.yml": "two\n"})
    moves.fetch(first, None)
    moves.forward(first)
    again = host_at(where, first.run)
    commit(source, "third", {"rules/a.yml": "three\n"})
    moves.fetch(again, None)
    moves.forward(again)
    moves.back(again)
    assert head(where) == old


def test_nothing_new_writes_nothing(where: Path) -> None:
    host = host_at(where)
    moves.fetch(host, None)
    moves.forward(host)
    moves.back(host)
    assert isinstance(host.guard, FakeGuard)
    assert (moves.come(host), host.guard.writes) == ((), [])


def test_a_plan_fetches_and_merges_nothing(source: Path, where: Path) -> None:
    host, old = host_at(where, a_run(plan=True)), head(where)
    commit(source, "second", {"rules/a.yml": "two\n"})
    moves.fetch(host, None)
    moves.forward(host)
    assert (head(where), git(where, "status", "--porcelain")) == (old, "")


def test_a_ref_that_is_not_there_is_refused_by_name(where: Path) -> None:
    with pytest.raises(Refused, match="no branch, tag or commit v9"):
        moves.fetch(host_at(where), "v9")


def test_an_older_commit_is_refused_as_going_backward(source: Path, where: Path) -> None:
    old = head(where)
    commit(source, "second", {"rules/a.yml": "two\n"})
    git(where, "pull", "--quiet")
    with pytest.raises(Refused, match="is older than the checkout"):
        moves.fetch(host_at(where), old)


def test_a_diverged_checkout_is_refused_with_both_commits(source: Path, where: Path) -> None:
    theirs, ours = commit(source, "theirs", {"rules/a.yml": "two\n"}), commit(where, "ours", {"rules/b.yml": "two\n"})
    with pytest.raises(Refused, match=f"have diverged.*\n.*{ours[:10]}.*{theirs[:10]}"):
        moves.fetch(host_at(where), None)


def test_edits_by_hand_are_in_the_way_only_where_they_overlap(source: Path, where: Path) -> None:
    host = host_at(where)
    (where / "README").write_text("edited by hand\n")
    commit(source, "second", {"rules/a.yml": "two\n", "rules/new.yml": "x\n"})
    moves.fetch(host, None)
    moves.expect_nothing_in_the_way(host, moves.come(host), [f"{where}/rules"])
    with pytest.raises(Refused, match="README"):
        moves.expect_nothing_in_the_way(host, moves.come(host), [str(where)])
    (where / "rules/b.yml").write_text("edited by hand\n")
    with pytest.raises(Refused, match=r"rules/b\.yml"):
        moves.expect_nothing_in_the_way(host, moves.come(host), [f"{where}/rules"])
    with pytest.raises(Refused, match=r"rules/b\.yml"):
        moves.expect_nothing_in_the_way(host, moves.come(host), [f"{where}/rules/b.yml"])


def test_a_file_that_git_does_not_track_is_in_the_way_of_one_of_its_name(source: Path, where: Path) -> None:
    host = host_at(where)
    (where / "rules/new.yml").write_text("made by hand\n")
    commit(source, "second", {"rules/new.yml": "x\n"})
    moves.fetch(host, None)
    with pytest.raises(Refused, match=r"rules/new\.yml"):
        moves.expect_nothing_in_the_way(host, moves.come(host), [])


def test_a_commit_that_was_fetched_later_by_somebody_else_is_not_merged(source: Path, where: Path) -> None:
    host, judged = host_at(where), commit(source, "judged", {"rules/a.yml": "two\n"})
    moves.fetch(host, None)
    later = commit(source, "later", {"rules/a.yml": "three\n"})
    moves.fetch(host_at(where, a_run(plan=True)), None)
    assert git(where, "rev-parse", "refs/opsbook/incoming") == later
    moves.forward(host)
    assert head(where) == judged


def test_a_rerun_killed_before_its_merge_can_still_go_back(source: Path, where: Path) -> None:
    host, old = host_at(where), head(where)
    commit(source, "second", {"rules/a.yml": "two\n"})
    moves.fetch(host, None)
    moves.forward(host)
    host.keep(new_commits=[*host.run.kept["new_commits"], commit(source, "third", {"rules/a.yml": "three\n"})])
    moves.back(host)
    assert head(where) == old


def test_what_somebody_moved_since_is_not_moved_back(source: Path, where: Path) -> None:
    host = host_at(where)
    commit(source, "second", {"rules/a.yml": "two\n"})
    moves.fetch(host, None)
    moves.forward(host)
    later = commit(source, "third", {"rules/a.yml": "three\n"})
    git(where, "pull", "--quiet")
    with pytest.raises(Refused, match="moved since by somebody else"):
        moves.back(host)
    assert head(where) == later


def test_a_folder_holds_itself_and_what_is_below_but_not_its_namesakes() -> None:
    assert moves.within("/a/b", ["/a/b"])
    assert moves.within("/a/b/c", ["/a/b/"])
    assert not moves.within("/a/bc", ["/a/b"])
