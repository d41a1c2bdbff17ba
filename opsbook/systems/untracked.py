"""What lies in a checkout and git does not track: rendered files and secrets, which a program sees there all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from opsbook.host import Read, Result
from opsbook.shell import prefixed, script

LIMIT = 20_000_000      # bytes; a configuration is far smaller, a data folder far bigger
COPYING = 60            # seconds
TOO_MUCH = 68           # exit code of our script

# Data is not copied, but an empty folder or file stands where it would be mounted; not so for a tracked one, which the commit may
# have removed. Of a repository within the checkout git names only the folder, which du measures and tar copies with all that is in it.
CARRY = """
set -o pipefail
checkout=$1 folder=$2 limit=$3 data=$4; shift 4
cd -- "$checkout" || exit
for path in "${@:1:data}"; do
    [ -e "$folder/$path" ] || [ -n "$(git ls-files -- ":(literal)$path")" ] && continue
    if [ -d "$path" ]; then mkdir --parents -- "$folder/$path"
    else mkdir --parents -- "$(dirname -- "$folder/$path")" && : > "$folder/$path"; fi || exit
done
shift "$data"
[ "$#" -gt 0 ] || exit 0
list=$(mktemp --directory) || exit
trap 'rm --recursive --force -- "$list"' EXIT
git ls-files --others -z -- "$@" > "$list/paths" || exit
du --null --total --summarize --apparent-size --block-size=1 --files0-from="$list/paths" > "$list/sizes" 2> /dev/null
total=$(tail --zero-terminated --lines=1 -- "$list/sizes" | cut --zero-terminated --fields=1 | tr --delete '\\0')
if [ "$total" -gt "$limit" ]; then
    printf '%s\\ttotal\\0' "$total"
    head --zero-terminated --lines=-1 -- "$list/sizes" | sort --zero-terminated --numeric-sort --reverse \\
    | head --zero-terminated --lines=1000
    exit 68
fi
tar --create --null --verbatim-files-from --files-from="$list/paths" --ignore-failed-read \\
| tar --extract --preserve-permissions --directory="$folder" --skip-old-files
"""


@dataclass(frozen=True)
class Excess:
    """More than may be copied: bytes in all, and the folder that holds most of it."""

    total: int
    folder: str
    size: int


def carry(checkout: str, folder: str, paths: Iterable[str], data: Iterable[str] = (), *, limit: int = LIMIT) -> Read[Excess | None]:
    """Copy the untracked files of these paths beside an exported tree, but not what is data; if they are too many bytes, nothing."""
    own, kept = tuple(paths), tuple(data)
    without = [path for path in kept if any(PurePosixPath(path).is_relative_to(folder) for folder in own)]
    wanted = (*(f":(literal){path}" for path in own), *(f":(exclude,literal){path}" for path in without))
    asked = script(CARRY, checkout, folder, limit, len(kept), *kept, *wanted)
    timed = prefixed(asked, "timeout", "--verbose", "--kill-after=5", COPYING)
    return Read(timed, parse_carried, answers=frozenset({0, TOO_MUCH}), within=COPYING + 15)


def parse_carried(result: Result) -> Excess | None:
    """Given sizes and paths, the total and then the biggest first, return what is too much, or nothing if it was copied."""
    if result.code != TOO_MUCH:
        return None
    (total, _), *rows = (entry.split("\t", 1) for entry in result.out.split("\0") if entry)
    held = Counter[PurePosixPath]()
    for size, path in rows:
        held.update(dict.fromkeys(PurePosixPath(path).parents, int(size)))
    most = [folder for folder in held if 2 * held[folder] >= held[PurePosixPath()]]
    folder = max(most, key=lambda folder: len(folder.parts))
    return Excess(int(total), str(folder), held[folder])
