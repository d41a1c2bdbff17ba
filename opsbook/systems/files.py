"""Files on the host: read, hash, place."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Write
from opsbook.shell import Secret, cmd, script
from opsbook.systems.answers import MISSING, text_or_none

FOUND = frozenset({0, MISSING})
XARGS = frozenset({0, 123})     # 123: what it ran failed for a part of the files
TIME = re.compile(r"[0-9]+\.[0-9]{6}")

# Exit code 44 only where the file cannot be there: a folder above it that we may not enter is an error, not a missing file.
ONLY_IF_THERE = """
[ -e "$1" ] || {
    above=$(dirname -- "$1"); while [ ! -e "$above" ]; do above=$(dirname -- "$above"); done
    [ -x "$above" ] && exit 44
}
"""
READ = ONLY_IF_THERE + 'exec cat -- "$1"'
STAT = ONLY_IF_THERE + "exec stat --dereference --format='%a %U %G %s %Y %F' -- \"$1\""

# Without word splitting an unquoted $pattern only expands its wildcards; dotglob because Go's globs match hidden files, too.
TEXTS = """
IFS=; shopt -s nullglob dotglob
while read -r -d '' pattern; do for path in $pattern; do
    [ -f "$path" ] || continue
    text=$(base64 --wrap=0 -- "$path") || exit
    printf '%s\\0%s\\0' "$path" "$text"
done; done
"""

# The length guards against a connection that broke while the content was on its way.
PLACE = """
set -e
path=$(readlink --canonicalize -- "$1")
new=$(mktemp -- "$path.opsbook.XXXXXX")
trap 'rm --force -- "$new"' EXIT
cat > "$new"
[ "$(stat --format=%s -- "$new")" = "$2" ] || { echo "the content did not arrive whole" >&2; exit 74; }
if [ -e "$path" ]; then chown --reference="$path" -- "$new"; chmod --reference="$path" -- "$new"; else chmod 0644 -- "$new"; fi
[ -z "$3" ] || chmod -- "$3" "$new"
sync -- "$new"
mv --no-target-directory -- "$new" "$path"
"""


@dataclass(frozen=True)
class Stat:
    """Mode and owner of a file, after following links; `changed` is in seconds since 1970."""

    mode: int
    owner: str
    group: str
    size: int
    changed: int
    kind: str


def listed(paths: Iterable[str]) -> str:
    """Return the paths for a command's standard input; on its line a few thousand of them would be too long."""
    return "".join(f"{path}\0" for path in paths)


def read(path: str) -> Read[str | None]:
    """The text of the file, or nothing if there is none."""
    return Read(script(READ, path), text_or_none, answers=FOUND)


def texts(patterns: Iterable[str]) -> Read[dict[str, str]]:
    """The texts of all files that match the globs, by path, in one round trip."""
    return Read(script(TEXTS), parse_texts, stdin=listed(patterns))


def hashes(paths: Iterable[str]) -> Read[dict[str, str]]:
    """SHA-256 of each file, by path; those that are missing or unreadable are left out."""
    asked = cmd("xargs", "--null", "--no-run-if-empty", "sha256sum", "--zero", "--")
    return Read(asked, parse_hashes, stdin=listed(paths), answers=XARGS)


def stat(path: str) -> Read[Stat | None]:
    """Mode, owner, size and age of the file, or nothing if there is none."""
    return Read(script(STAT, path), parse_stat, answers=FOUND)


def newest(paths: Iterable[str]) -> Read[float]:
    """When the last of the files was written or moved to its place, in seconds since 1970; unlike %Y this cannot be set back."""
    asked = cmd("env", "LC_ALL=C", "xargs", "--null", "--no-run-if-empty", "stat", "--dereference", "--format=%.6Z", "--")
    return Read(asked, parse_newest, stdin=listed(paths))


def place(path: str, content: str | Secret, mode: int | None = None) -> Write:
    """Replace the file in one step, where a link leads to, keeping owner, group and mode; `mode` wins over the mode there was."""
    plain = content.value if isinstance(content, Secret) else content
    size = len(plain.encode(errors="surrogateescape"))
    order = script(PLACE, path, size, "" if mode is None else f"{mode:04o}")
    shown = f"write {size} bytes to {path}{'' if mode is None else f', mode {mode:04o}'}"
    return Write(replace(order, shown=shown), f"write {path}", stdin=content)


def parse_texts(result: Result) -> dict[str, str]:
    """Given pairs of path and base64 text, each ended by a zero byte, return the texts by path."""
    parts = result.out.split("\0")
    return {path: base64.b64decode(text).decode(errors="surrogateescape") for path, text in zip(parts[::2], parts[1::2], strict=False)}


def parse_hashes(result: Result) -> dict[str, str]:
    """Given the output of `sha256sum --zero`, return the hashes by path."""
    pairs = (entry.partition("  ") for entry in result.out.split("\0") if entry)
    return {path.removeprefix("./"): digest for digest, _, path in pairs}


def parse_newest(result: Result) -> float:
    """Given one time a line, with a point and six digits after it, return the latest; raise ValueError for anything else, or nothing."""
    lines = result.out.split()
    if not lines or not all(map(TIME.fullmatch, lines)):
        raise ValueError("no time, or none as we asked for it")
    return max(map(float, lines))


def parse_stat(result: Result) -> Stat | None:
    """Given mode, owner, group, size, time and kind, return them as a value."""
    if result.code == MISSING:
        return None
    mode, owner, group, size, changed, kind = result.out.strip().split(" ", 5)
    return Stat(int(mode, 8), owner, group, int(size), int(changed), kind)
