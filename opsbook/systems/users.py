"""A user of the host: account, groups, and the keys that let it in."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Write
from opsbook.shell import Command, cmd, prefixed, script
from opsbook.systems.answers import MISSING

KEYS = ".ssh/authorized_keys"
OTHERS_WRITE = 0o022

# $1 user. Uid, home, shell, groups, a line for each of home, .ssh and authorized_keys, the keys in base64; exit 44: no such user.
LOOK = r"""
set -o pipefail
line=$(getent passwd -- "$1") || exit 44
IFS=: read -r _ _ uid _ _ home shell <<<"$line"
printf '%s\n' "$uid" "$home" "$shell" "$(id --name --groups -- "$1")"
for path in "$home" "$home/.ssh" "$home/.ssh/authorized_keys"; do
    stat --format='%a %U %F' -- "$path" 2>/dev/null || echo -
done
if [ -f "$home/.ssh/authorized_keys" ] && [ ! -L "$home/.ssh/authorized_keys" ] && [ ! -L "$home/.ssh" ]; then
    dd status=none iflag=nofollow if="$home/.ssh/authorized_keys" | base64 --wrap=0
fi
echo
"""
# $1 user, $2 home. Only a real folder is given to the user; what lies in it is written by the user itself, so that no link leads astray.
OWN_SSH = r"""
set -euo pipefail; umask 077
user=$1 home=$2
[ ! -L "$home/.ssh" ] || { echo "$home/.ssh is a link" >&2; exit 65; }
[ -d "$home/.ssh" ] || mkdir -- "$home/.ssh"
chown --no-dereference -- "$user:" "$home/.ssh"
runuser --user "$user" -- chmod 0700 "$home/.ssh"
"""
# $1 user, $2 home, the whole file on standard input, $3 its size
WRITE_KEYS = r"""
set -euo pipefail; umask 077
user=$1 home=$2 size=$3
exec runuser --user "$user" -- bash -euo pipefail -c '
    umask 077
    new=$(mktemp -- "$1/.ssh/.authorized_keys.XXXXXXXX"); trap "rm --force -- \"\$new\"" EXIT
    cat >"$new"
    [ "$(stat --format=%s -- "$new")" = "$2" ] || { echo "the content did not arrive whole" >&2; exit 74; }
    sync -- "$new"
    mv --no-target-directory -- "$new" "$1/.ssh/authorized_keys"
' opsbook "$home" "$size"
"""
# $1 user
REMOVE = r"""
set -euo pipefail
loginctl terminate-user "$1" 2>/dev/null || true
pkill --signal KILL --uid "$1" || true
for _ in {1..100}; do pgrep --uid "$1" >/dev/null || break; sleep 0.1; done
exec userdel --remove -- "$1"
"""
# $1 user. Names what lies in its home besides what comes with every home, with its key and with opsbook's own records.
BELONGINGS = r"""
home=$(getent passwd -- "$1" | cut --delimiter=: --fields=6) && cd -- "$home" || exit 0
find . -mindepth 1 ! -type d ! -path ./.ssh/authorized_keys ! -path './.local/state/opsbook/*' ! -path './.cache/*' \
    ! -name .bash_history ! -name .lesshst -printf '%P\n' |
    while IFS= read -r name; do [ -e "/etc/skel/$name" ] || printf '%s\n' "$name"; done
"""


@dataclass(frozen=True)
class Entry:
    """A file or folder on the way to the keys."""

    mode: int
    owner: str
    kind: str


@dataclass(frozen=True)
class User:
    """An account, and what sshd looks at before it lets the user in."""

    uid: int
    home: str
    shell: str
    groups: tuple[str, ...]
    entries: tuple[Entry | None, ...]   # home, .ssh and the keys
    keys: tuple[str, ...] = ()          # lines of authorized_keys

    def shuts_out(self, name: str) -> tuple[str, ...]:
        """Return what keeps sshd from reading the keys, or lets others write them; a folder or file that is not there counts, too."""
        paths = (self.home, f"{self.home}/.ssh", f"{self.home}/{KEYS}")
        owners = ((name, "root"), (name,), (name,))
        return tuple(
            f"{path}: {'missing' if one is None else f'{one.kind} of {one.owner}, mode {one.mode:04o}'}"
            for path, one, allowed in zip(paths, self.entries, owners, strict=True)
            if one is None or one.owner not in allowed or one.mode & OTHERS_WRITE or "link" in one.kind
        )


def look(name: str, rights: Iterable[str] = ()) -> Read[User | None]:
    """The user as sshd sees it; nothing where there is none of that name."""
    return Read(prefixed(script(LOOK, name), *rights), parse_user, answers=frozenset({0, MISSING}))


def add(name: str, rights: Iterable[str]) -> Write:
    """Make the user, with a home and without a password that could be guessed."""
    order = cmd("useradd", "--create-home", "--user-group", "--shell=/bin/bash", "--password=*", "--", name)
    return _change(rights, order, f"make the user {name}")


def remove(name: str, rights: Iterable[str]) -> Write:
    """End the user's logins, and remove it with its home."""
    return _change(rights, replace(script(REMOVE, name), shown=f"userdel --remove {name}"), f"remove the user {name}")


def join(name: str, group: str, rights: Iterable[str]) -> Write:
    """Put the user into the group; counts for new logins."""
    return _change(rights, cmd("usermod", "--append", f"--groups={group}", "--", name), f"put {name} into the group {group}")


def leave(name: str, group: str, rights: Iterable[str]) -> Write:
    """Take the user out of the group; counts for new logins."""
    return _change(rights, cmd("gpasswd", f"--delete={name}", group), f"take {name} out of the group {group}")


def own_ssh(name: str, home: str, rights: Iterable[str]) -> Write:
    """Give the user its folder of keys, which nobody else may enter."""
    order = replace(script(OWN_SSH, name, home), shown=f"install --directory --mode=0700 --owner={name} {home}/.ssh")
    return _change(rights, order, f"give {name} the folder {home}/.ssh")


def write_keys(name: str, home: str, lines: Iterable[str], rights: Iterable[str]) -> Write:
    """Write the keys that let the user in, as the user."""
    text = "".join(f"{line}\n" for line in lines)
    order = prefixed(script(WRITE_KEYS, name, home, len(text.encode())), *rights)
    shown = f"install --mode=0600 --owner={name} {home}/{KEYS}"
    return Write(replace(order, shown=shown), f"write {home}/{KEYS}", stdin=text)


def belongings(name: str, rights: Iterable[str]) -> Read[tuple[str, ...]]:
    """What somebody has put into the user's home."""
    return Read(prefixed(script(BELONGINGS, name), *rights), lambda result: tuple(result.out.splitlines()))


def group_exists(name: str) -> Read[bool]:
    """Whether there is a group of that name."""
    return Read(cmd("getent", "group", "--", name), lambda result: result.code == 0, answers=frozenset({0, 2}))


def parse_user(result: Result) -> User | None:
    """Given what LOOK prints, return the user."""
    if result.code == MISSING:
        return None
    uid, home, shell, groups, *more = result.out.splitlines()
    *places, keys = more
    text = base64.b64decode(keys, validate=True).decode(errors="replace")
    entries = tuple(_entry(place) for place in places)
    if len(entries) != 3:  # noqa: PLR2004
        raise ValueError("not what we asked for")
    return User(int(uid), home, shell, tuple(groups.split()), entries, tuple(text.splitlines()))


def _entry(line: str) -> Entry | None:
    if line == "-":
        return None
    mode, owner, kind = line.split(" ", 2)
    return Entry(int(mode, 8), owner, kind)


def _change(rights: Iterable[str], order: Command, title: str) -> Write:
    return Write(replace(prefixed(order, *rights), shown=order.shown), title)
