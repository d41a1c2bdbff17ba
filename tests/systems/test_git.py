from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from opsbook.errors import Refused
from opsbook.host import Read, Result
from opsbook.shell import Command
from opsbook.systems.commit import Change, Status, parse_status
from opsbook.systems.git import INCOMING, Git
from tests.here import Here, ask, attempt, do
from tests.repos import clone, commit, git, repo


def attempt_to_read(question: Read[Any]) -> Result:
    """Ask this machine, whatever comes of it."""
    assert isinstance(question.ask, Command)
    return Here().run(question.ask, None, question.within)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The config repo as its author has it."""
    return repo(tmp_path / "source", {"rules/a.yml": "one\n", "rules/b.yml": "one\n", "README": "hello\n"})


@pytest.fixture
def checkout(source: Path, tmp_path: Path) -> Path:
    """The host's clone of it, in a folder whose name wants quoting."""
    return clone(source, tmp_path / "the host's checkout")


def test_a_fetch_names_the_upstream_commit_and_leaves_the_checkout_as_it_was(source: Path, checkout: Path) -> None:
    old, new = git(checkout, "rev-parse", "HEAD"), commit(source, "second", {"rules/a.yml": "two\n"})
    assert ask(Git(str(checkout)).fetch()) == new
    assert git(checkout, "rev-parse", INCOMING) == new
    assert git(checkout, "rev-parse", "HEAD", "origin/main") == f"{old}\n{old}"
    assert not (checkout / ".git/FETCH_HEAD").exists()


@pytest.mark.parametrize("name", ["topic", "v1", "{full}", "{short}"])
def test_a_fetch_finds_branches_tags_and_commits(source: Path, checkout: Path, name: str) -> None:
    git(source, "switch", "--quiet", "--create", "topic")
    wanted = commit(source, "on a branch", {"rules/c.yml": "new\n"})
    git(source, "tag", "v1")
    assert ask(Git(str(checkout)).fetch(name.format(full=wanted, short=wanted[:9]))) == wanted


def fetched_at(checkout: Path) -> set[str]:
    """The names that fetches have left in the checkout."""
    return set(git(checkout, "for-each-ref", "--format=%(refname)", "refs/opsbook").splitlines())


def test_only_what_is_wanted_is_fetched_and_everything_only_for_a_bare_commit(source: Path, checkout: Path) -> None:
    for branch in ("topic", "huge"):
        git(source, "branch", branch)
    git(source, "tag", "v1")
    git(source, "tag", "v2")
    ask(Git(str(checkout)).fetch("topic"))
    assert fetched_at(checkout) == {INCOMING, "refs/opsbook/heads/topic"}
    ask(Git(str(checkout)).fetch("v1"))
    assert fetched_at(checkout) == {INCOMING, "refs/opsbook/heads/topic", "refs/opsbook/tags/v1"}
    ask(Git(str(checkout)).fetch(git(source, "rev-parse", "HEAD")))
    assert fetched_at(checkout) >= {"refs/opsbook/heads/huge", "refs/opsbook/tags/v2"}


def test_a_tag_is_meant_once_the_branch_of_its_name_has_gone(source: Path, checkout: Path) -> None:
    git(source, "switch", "--quiet", "--create", "v1")
    old = commit(source, "the branch", {"README": "branch\n"})
    assert ask(Git(str(checkout)).fetch("v1")) == old
    git(source, "switch", "--quiet", "main")
    git(source, "branch", "--quiet", "-D", "v1")
    git(source, "tag", "--annotate", "--message=x", "v1")
    assert ask(Git(str(checkout)).fetch("v1")) == git(source, "rev-parse", "main")


def test_a_branch_may_stand_where_a_folder_of_branches_stood(source: Path, checkout: Path) -> None:
    git(source, "branch", "a/b")
    ask(Git(str(checkout)).fetch("a/b"))
    git(source, "branch", "--quiet", "-D", "a/b")
    git(source, "branch", "a")
    assert ask(Git(str(checkout)).fetch("a")) == git(source, "rev-parse", "a")


OLD_GIT = """#!/bin/bash
for word; do case $word in
    --no-write-fetch-head) echo "error: unknown option 'no-write-fetch-head'" >&2; exit 129 ;;
    --end-of-options) exit 128 ;;
esac; done
case " $* " in *" -h "*) echo "usage: git fetch"; exit 129 ;; esac
exec /usr/bin/git "$@"
"""


@pytest.mark.parametrize("name", [None, "v1", "{full}"])
def test_git_2_25_can_fetch_too(source: Path, checkout: Path, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(OLD_GIT)
    (tmp_path / "bin/git").chmod(0o755)
    old, new = Here(env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}), commit(source, "second", {"rules/a.yml": "two\n"})
    git(source, "tag", "v1")
    for question in (Git(str(checkout)).fetch(name and name.format(full=new)), Git(str(checkout)).commit(INCOMING)):
        assert isinstance(question.ask, Command)
        result = old.run(question.ask, None, 30)
        assert (result.code, result.out.strip()) == (0, new), result


def test_a_fetch_asks_nothing_and_keeps_the_ssh_command_of_the_site(checkout: Path, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {tmp_path}/words\n')
    ssh.chmod(0o755)
    git(checkout, "config", "core.sshCommand", f"{ssh} -i /deploy_key")
    git(checkout, "remote", "set-url", "origin", "ssh://git@example.org/p24")
    assert attempt_to_read(Git(str(checkout)).fetch()).code != 0
    words = (tmp_path / "words").read_text().split()
    assert words[:4] == ["-i", "/deploy_key", "-o", "BatchMode=yes"]


def test_a_fetch_has_a_time_limit_on_the_host() -> None:
    question = Git("/opt/p24").fetch()
    assert isinstance(question.ask, Command)
    assert question.ask.words[:4] == ("timeout", "--verbose", "--kill-after=5", "120")
    assert question.within > 120


@pytest.mark.parametrize("name", ["nowhere", "--upload-pack=touch /tmp/x", "-", "$(id)", "a b"])
def test_a_ref_that_is_not_there_is_nothing(checkout: Path, name: str) -> None:
    assert ask(Git(str(checkout)).fetch(name)) is None


def test_a_fetch_without_branch_and_ref_is_refused(checkout: Path) -> None:
    git(checkout, "switch", "--quiet", "--detach")
    with pytest.raises(Refused, match="stands on no branch"):
        ask(Git(str(checkout)).fetch())


def test_a_fetch_from_a_server_that_is_gone_fails(source: Path, checkout: Path) -> None:
    source.rename(source.with_name("gone"))
    with pytest.raises(AssertionError, match="does not appear to be a git repository"):
        ask(Git(str(checkout)).fetch())


def test_the_status_tells_commit_branch_upstream_and_every_change(checkout: Path) -> None:
    (checkout / "rules/a.yml").write_text("mended by hand\n")
    (checkout / "rules/b.yml").unlink()
    git(checkout, "mv", "README", "READ ME")
    (checkout / "new\nline").write_text("")
    status = ask(Git(str(checkout)).status())
    assert (status.head, status.branch, status.upstream) == (git(checkout, "rev-parse", "HEAD"), "main", "origin/main")
    assert set(status.changes) == {
        Change("M", "rules/a.yml"), Change("D", "rules/b.yml"), Change("R", "READ ME"), Change("D", "README"), Change("?", "new\nline"),
    }  # fmt: skip
    assert set(status.dirty) == {"rules/a.yml", "rules/b.yml", "READ ME", "README"}


def test_an_unmerged_file_counts_as_a_change() -> None:
    entry = "u UU N... 100644 100644 100644 100644 1111 2222 3333 rules/a b.yml"
    status = parse_status(Result(0, f"# branch.oid 12\0# branch.head (detached)\0{entry}\0"))
    assert status == Status("12", "", "", (Change("U", "rules/a b.yml"),))


def test_changes_and_commits_between_two_commits_are_listed(source: Path, checkout: Path) -> None:
    old = git(source, "rev-parse", "HEAD")
    commit(source, "second", {"rules/a.yml": "two\n"})
    new = commit(source, "third: ü", {"rules/b.yml": None, "rules/with space.yml": "x\n"})
    here = Git(str(checkout))
    ask(here.fetch())
    assert ask(here.changed(old, INCOMING)) == (Change("M", "rules/a.yml"), Change("D", "rules/b.yml"), Change("A", "rules/with space.yml"))
    newest, before = ask(here.log(old, INCOMING))
    assert (newest.id, newest.author, newest.subject, before.subject) == (new, "Anna", "third: ü", "second")
    assert ask(here.log(old, old)) == ()


def test_the_checkout_goes_forward_to_the_judged_commit_and_back(source: Path, checkout: Path) -> None:
    here, old = Git(str(checkout)), git(checkout, "rev-parse", "HEAD")
    judged = commit(source, "second", {"rules/a.yml": "two\n"})
    ask(here.fetch())
    commit(source, "pushed after the fetch", {"rules/a.yml": "three\n"})
    do(here.forward())
    assert (git(checkout, "rev-parse", "main"), (checkout / "rules/a.yml").read_text()) == (judged, "two\n")
    do(here.back(old))
    assert (git(checkout, "rev-parse", "main"), (checkout / "rules/a.yml").read_text()) == (old, "one\n")


def test_files_pulled_under_a_strict_umask_are_readable_for_the_services(source: Path, checkout: Path) -> None:
    commit(source, "second", {"rules/new.yml": "x\n"})
    ask(Git(str(checkout)).fetch())
    forward = Git(str(checkout)).forward().do
    assert isinstance(forward, Command)
    subprocess.run(["bash", "-c", f"umask 077; {forward.line()}"], check=True)
    assert (checkout / "rules/new.yml").stat().st_mode & 0o777 == 0o644


def test_a_diverged_checkout_is_not_merged(source: Path, checkout: Path) -> None:
    commit(source, "theirs", {"rules/a.yml": "two\n"})
    ours = commit(checkout, "ours", {"rules/b.yml": "two\n"})
    here = Git(str(checkout))
    ask(here.fetch())
    assert not ask(here.is_ancestor("HEAD", INCOMING))
    assert attempt(here.forward()).code != 0
    assert git(checkout, "rev-parse", "HEAD") == ours


def test_going_back_keeps_local_changes_and_refuses_where_it_would_lose_them(source: Path, checkout: Path) -> None:
    here, old = Git(str(checkout)), git(checkout, "rev-parse", "HEAD")
    new = commit(source, "second", {"rules/a.yml": "two\n"})
    ask(here.fetch())
    do(here.forward())
    (checkout / "README").write_text("mine\n")
    do(here.back(old))
    assert (checkout / "README").read_text() == "mine\n"
    do(here.forward())
    (checkout / "rules/a.yml").write_text("mine\n")
    assert attempt(here.back(old)).code != 0
    assert git(checkout, "rev-parse", "HEAD") == new


def test_a_commit_is_exported_as_it_is_committed(checkout: Path, tmp_path: Path) -> None:
    here, folder = Git(str(checkout)), tmp_path / "scratch"
    folder.mkdir()
    (checkout / "rules/secret").write_text("s3cr3t")
    (checkout / "rules/a.yml").write_text("mended by hand\n")
    ask(here.export("HEAD", str(folder)))
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"rules/a.yml", "rules/b.yml", "README"}
    assert (folder / "rules/a.yml").read_text() == "one\n"


def test_a_pipe_of_git_and_tar_fails_when_git_fails(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="nowhere"):
        ask(Git(str(checkout)).export("nowhere", str(tmp_path)))


def test_a_name_stands_for_a_commit_or_for_nothing(checkout: Path) -> None:
    here = Git(str(checkout))
    assert ask(here.commit()) == git(checkout, "rev-parse", "HEAD")
    assert ask(here.commit("--all")) is None
    assert len(ask(here.newest(5))) == 1
