"""Files that are made from templates and secrets on the host, and that git therefore does not track."""

from __future__ import annotations

from collections.abc import Iterable

from opsbook.host import Read, Result
from opsbook.shell import script

# `xargs` says 123 where grep said 1: nothing found.
UNFILLED = r"""
set -o pipefail
git -C "$1" ls-files --others -z -- "${@:2}" \
| (cd -- "$1" && xargs --null --no-run-if-empty grep --files-with-matches --null --binary-files=without-match \
    --extended-regexp --regexp='\$\{[A-Za-z_]' --)
"""
ABSENT = 'for path; do [ -e "$path" ] || printf "%s\\0" "$path"; done'
FOUND_NONE = 123


def unfilled(checkout: str, paths: Iterable[str]) -> Read[tuple[str, ...]]:
    """The untracked files at or below these paths of the checkout that still hold a `${NAME}` to be filled in."""
    return Read(script(UNFILLED, checkout, *paths), parse_paths, answers=frozenset({0, FOUND_NONE}))


def absent(paths: Iterable[str]) -> Read[tuple[str, ...]]:
    """Those of the paths at which there is nothing."""
    return Read(script(ABSENT, *paths), parse_paths)


def parse_paths(result: Result) -> tuple[str, ...]:
    """Given paths that each end with a zero byte, return them."""
    return tuple(path for path in result.out.split("\0") if path)
