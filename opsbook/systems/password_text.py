"""A password in the files of programs that use it: found without a shell argument, and replaced where its place is understood."""

from __future__ import annotations

import json
from collections.abc import Iterable

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result
from opsbook.shell import Secret, script
from opsbook.systems.rendered import parse_paths
from opsbook.systems.scratch import OWN
from opsbook.systems.yaml_text import Found, replaced, scalars

YAML = (".yml", ".yaml")
MEMBER = "password"     # how the keys of a password end: password, basicAuthPassword, smtp_auth_password

# The patterns come by standard input. 123: nothing found, or a part could not be read.
HOLDING = OWN + r"""
cd -- "$1" || exit
cat > "$scratch/patterns" || exit
find . \( -name '.git' -o -name '*.git' \) -prune -o -type f -size -1024k -print0 \
| xargs --null --no-run-if-empty grep --files-with-matches --null --binary-files=without-match --no-messages \
    --fixed-strings --file="$scratch/patterns" -- | sed --null-data 's,^\./,,'
:
"""
# Below a .git, only exit code 1 means that git does not track the file: 128 is a git that does not answer, as in another user's checkout.
TRACKED = """
for path; do
    folder=$(cd -- "$(dirname -- "$path")" && pwd -P) || exit
    above=$folder
    until [ -e "$above/.git" ] || [ "$above" = / ]; do above=$(dirname -- "$above"); done
    [ -e "$above/.git" ] || continue
    said=$(git -C "$folder" ls-files --error-unmatch -- "$(basename -- "$path")" 2>&1 > /dev/null)
    code=$?
    case $code in
        0) printf '%s\\0' "$path" ;;
        1) ;;
        *) printf '%s\\n' "$said" >&2; exit "$code" ;;
    esac
done
"""


def holding(folder: str, password: Secret) -> Read[tuple[str, ...]]:
    """The text files below the folder, relative to it, that hold the password in one of its spellings; git's own store is left out."""
    return Read(script(HOLDING, folder), parse_sorted, stdin=Secret("\n".join(spellings(password.value)) + "\n"), within=60)


def tracked(paths: Iterable[str]) -> Read[tuple[str, ...]]:
    """Those of the files that git tracks: an edit of them is in the way of the next pull."""
    return Read(script(TRACKED, *paths), parse_paths)


def parse_sorted(result: Result) -> tuple[str, ...]:
    """Given paths that each end with a zero byte, return them in order."""
    return tuple(sorted(parse_paths(result)))


def spellings(password: str) -> tuple[str, ...]:
    """Return how the password may be written, plain and in the quotes of YAML, JSON and shells."""
    ways = (password, password.replace("'", "''"), json.dumps(password)[1:-1], json.dumps(password, ensure_ascii=False)[1:-1])
    return tuple(dict.fromkeys(ways))


def with_password(path: str, text: str, old: str, new: str) -> str | None:
    """Return the file's text with the new password wherever the old one stands as such; nothing where its place is not understood."""
    made = _in_yaml(path, text, old, new) if path.endswith(YAML) else _whole(text, old, new) or _quoted(text, old, new)
    return made if made is not None and not any(way in made for way in spellings(old)) else None


def _in_yaml(path: str, text: str, old: str, new: str) -> str | None:
    def is_it(found: Found) -> bool:
        return found.value == old and bool(found.way) and found.way[-1].lower().endswith(MEMBER)

    try:
        return replaced(text, path, scalars(text, path, is_it), new)
    except CommandFailed:
        return None     # no YAML after all, or none of its values


def _whole(text: str, old: str, new: str) -> str | None:
    """Return the new text of a file that holds nothing else, as `password_file` wants it."""
    return new + text[len(text.rstrip()) :] if text.rstrip() == old else None


def _quoted(text: str, old: str, new: str) -> str | None:
    """Return the text of a file whose strings are quoted as in JSON, such as Alloy's."""
    quoted = dict.fromkeys((json.dumps(old), json.dumps(old, ensure_ascii=False)))
    made = text
    for one in quoted:
        made = made.replace(one, json.dumps(new, ensure_ascii=False))
    return made if made != text else None
