"""Commits, changes and the state of a checkout, as git tells them."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.errors import Refused
from opsbook.host import Result

FORMAT = "--format=%H%x1f%an%x1f%at%x1f%s"
NO_SUCH_REF, NO_BRANCH = 66, 67     # exit codes of our fetch
FIELDS_BEFORE_PATH = {"1": 7, "2": 8, "u": 9}


@dataclass(frozen=True)
class Change:
    """A path and what happened to it, by git's letter: A, M, D, T; `?` for a file that git does not track."""

    letter: str
    path: str


@dataclass(frozen=True)
class Status:
    """Where a checkout stands and what is changed in it."""

    head: str
    branch: str = ""            # empty: no branch, a bare commit
    upstream: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def dirty(self) -> tuple[str, ...]:
        """Return the tracked paths that differ from the commit."""
        return tuple(change.path for change in self.changes if change.letter != "?")


@dataclass(frozen=True)
class Commit:
    """A commit; `at` is in seconds since 1970."""

    id: str
    author: str
    at: int
    subject: str



def parse_fetched(result: Result) -> str | None:
    """Given the answer of a fetch, return the commit, or nothing if there is no such ref; raise Refused without branch and ref."""
    if result.code == NO_BRANCH:
        raise Refused("the checkout stands on no branch, so it has no upstream", next="say which with --ref")
    return result.out.strip() if result.code == 0 else None


def parse_commit_id(result: Result) -> str | None:
    """Given the answer of rev-parse, return the commit, or nothing."""
    return result.out.strip() if result.code == 0 else None


def parse_status(result: Result) -> Status:
    """Given `git status --porcelain=v2 --branch -z`, return it as a value."""
    headers: dict[str, str] = {}
    changes: list[Change] = []
    fields = iter(result.out.split("\0"))
    for entry in fields:
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            name, _, headers[name] = rest.partition(" ")
        elif kind in FIELDS_BEFORE_PATH:
            letters, *_, path = rest.split(" ", FIELDS_BEFORE_PATH[kind])
            changes.append(Change(letters.replace(".", "")[:1], path))
            if kind == "2":
                changes.append(Change("D", next(fields)))
        elif kind == "?":
            changes.append(Change("?", rest))
    branch = headers.get("branch.head", "").replace("(detached)", "")
    return Status(headers.get("branch.oid", ""), branch, headers.get("branch.upstream", ""), tuple(changes))


def parse_changes(result: Result) -> tuple[Change, ...]:
    """Given `git diff --name-status -z`, return the changes."""
    parts = result.out.split("\0")
    return tuple(Change(letter, path) for letter, path in zip(parts[::2], parts[1::2], strict=False))


def parse_log(result: Result) -> tuple[Commit, ...]:
    """Given commits as `FORMAT` prints them, return them."""
    rows = (entry.split("\x1f") for entry in result.out.split("\0") if entry)
    return tuple(Commit(commit, author, int(at), subject) for commit, author, at, subject in rows)
