"""Files of root's: put in their place with what was there kept aside, and taken back from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsbook.host import Read, Write
from opsbook.shell import prefixed, script
from opsbook.systems.answers import stripped

ASIDE = "/var/lib/opsbook/before"

# $1 path, $2 mode, $3 size, $4 what was there, once kept, $5 how to judge it. The staged file's name has a dot, so that neither sudo
# nor sshd reads it; the length guards against a connection that broke while the content was on its way.
PLACE = r"""
set -euo pipefail; umask 077
path=$1 mode=$2 size=$3 before=$4 judge=$5
case $path in (/usr/local/sbin/*|/etc/sudoers.d/*|/etc/ssh/sshd_config.d/*) ;; (*) exit 64 ;; esac
mkdir --parents --mode=0755 -- "${path%/*}"
mkdir --parents -- "${before%/*}"
new=$(mktemp -- "${path%/*}/.opsbook.XXXXXXXX"); trap 'rm --force -- "$new"' EXIT
cat >"$new"
[ "$(stat --format=%s -- "$new")" = "$size" ] || { echo "the content did not arrive whole" >&2; exit 74; }
chown root:root -- "$new"; chmod -- "$mode" "$new"
case $judge in
    sudoers) visudo -c -O -P -f "$new" >&2 ;;
    sshd) sshd -t -f "$new" ;;
esac
if [ ! -e "$before" ] && [ ! -e "$before.none" ]; then
    if [ -e "$path" ] || [ -L "$path" ]; then cp --archive -- "$path" "$before"; else : >"$before.none"; fi
fi
sync -- "$new"
mv --no-target-directory -- "$new" "$path"
"""

# $1 path, $2 what was there, $3 the hash of what we had put there. A file that this run never placed is left alone.
TAKE_BACK = r"""
set -euo pipefail; umask 077
path=$1 before=$2 ours=$3
[ -e "$before" ] || [ -L "$before" ] || [ -e "$before.none" ] || exit 0
if [ -e "$path" ]; then
    hash=$(sha256sum <"$path")
    if [ -e "$before" ] && cmp --quiet -- "$before" "$path"; then exit 0; fi
    [ "${hash%% *}" = "$ours" ] || { echo "somebody has changed $path since" >&2; exit 65; }
fi
if [ -e "$before.none" ]; then rm --force -- "$path"; exit 0; fi
new=$(mktemp -- "${path%/*}/.opsbook.XXXXXXXX"); trap 'rm --force -- "$new"' EXIT
cp --archive --remove-destination -- "$before" "$new"
mv --no-target-directory -- "$new" "$path"
"""


@dataclass(frozen=True)
class About:
    """What a file of root's is like."""

    mode: int
    owner: str
    group: str
    sha256: str


def place(path: str, text: str, mode: int, before: str, rights: Iterable[str], *, judge: str = "") -> Write:
    """Put the file in its place in one step, owned by root; what was there is kept at `before`, the first time."""
    order = prefixed(script(PLACE, path, f"{mode:04o}", len(text.encode()), before, judge), *rights)
    return Write(replace(order, shown=f"install --mode={mode:04o} --owner=root {path}"), f"write {path}", stdin=text)


def take_back(path: str, before: str, sha256: str, rights: Iterable[str]) -> Write:
    """Put back what was at that path before, where it was placed by this run and nobody has changed it since."""
    order = prefixed(script(TAKE_BACK, path, before, sha256), *rights)
    return Write(replace(order, shown=f"take {path} back"), f"put {path} back as it was before")


def hash_of(path: str, rights: Iterable[str]) -> Read[str]:
    """The hash of the file; empty where there is none."""
    asked = script('[ ! -e "$1" ] || { hash=$(sha256sum <"$1") && printf %s "${hash%% *}"; }', path)
    return Read(prefixed(asked, *rights), stripped)


def parse_about(text: str) -> dict[str, About]:
    """Given lines of mode, owner, group, hash and path, return them by path."""
    parts = (line.split(" ", 4) for line in text.splitlines())
    return {path: About(int(mode, 8), owner, group, sha256) for mode, owner, group, sha256, path in parts}
