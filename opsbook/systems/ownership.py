"""Files that belong to another user: replaced without root, where a throw-away container gives the new one the old one's owner."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Write
from opsbook.shell import Secret, cmd, script
from opsbook.systems.answers import MISSING
from opsbook.systems.files import ONLY_IF_THERE
from opsbook.systems.inside import throwaway

STAGING = ".opsbook-new"        # beside the file, so that it comes to its place in one step
INSIDE = "/staged"
MAY = frozenset({0, 1})
ANY = frozenset(range(256))

OWNER = ONLY_IF_THERE + "exec stat --dereference --format='%u %g %a' -- \"$1\""
# whether a file of ours can be given what this one has
KEEPS = """
probe=$(mktemp -- "$(readlink --canonicalize -- "$1").opsbook.XXXXXX") || exit 74
trap 'rm --force -- "$probe"' EXIT
chown --reference="$1" -- "$probe" 2> /dev/null || exit 1
"""
STAGE = """
set -e; umask 077
path=$(readlink --canonicalize -- "$1")
folder=$(dirname -- "$path")/.opsbook-new; mkdir --parents -- "$folder"
new=$folder/$(basename -- "$path")
rm --force -- "$new" "$new.part"
cat > "$new.part"
[ "$(stat --format=%s -- "$new.part")" = "$2" ] || { echo "the content did not arrive whole" >&2; exit 74; }
chmod --reference="$path" -- "$new.part"
sync -- "$new.part"
mv --no-target-directory -- "$new.part" "$new"
"""
# a file that has not the owner of the old one does not come to its place
ARRIVE = """
set -e
path=$(readlink --canonicalize -- "$1")
folder=$(dirname -- "$path")/.opsbook-new; new=$folder/$(basename -- "$path")
[ "$(stat --format='%u %g %a' -- "$new")" = "$(stat --format='%u %g %a' -- "$path")" ] || { echo "another owner or mode" >&2; exit 73; }
mv --no-target-directory -- "$new" "$path"
rmdir --ignore-fail-on-non-empty -- "$folder"
"""


@dataclass(frozen=True)
class Owner:
    """Whose a file is, by numbers, and its mode."""

    uid: int
    gid: int
    mode: int

    def lets_read(self, uid: int, gid: int) -> bool:
        """Return whether a process of that user and group may read it; what root may is not asked."""
        bit = 0o400 if uid == self.uid else 0o040 if gid == self.gid else 0o004
        return bool(self.mode & bit)


def owner(path: str) -> Read[Owner | None]:
    """Whose the file is, or nothing if there is none."""
    return Read(script(OWNER, path), parse_owner, answers=frozenset({0, MISSING}))


def keeps(path: str) -> Read[bool]:
    """Whether this login can replace the file by one of the same owner and group; fails where it can make none there at all."""
    return Read(script(KEEPS, path), lambda result: result.code == 0, answers=MAY)


def stage(path: str, content: str | Secret) -> Write:
    """Put the new content beside the file, with its mode."""
    plain = content.value if isinstance(content, Secret) else content
    size = len(plain.encode(errors="surrogateescape"))
    order = replace(script(STAGE, path, size), shown=f"write {size} bytes to {staged(path)}")
    return Write(order, f"write a new {path} beside it", stdin=content)


def staged(path: str) -> str:
    """Return where the new one lies."""
    return posixpath.join(posixpath.dirname(path), STAGING, posixpath.basename(path))


def give(image_id: str, folder: str, uid: int, gid: int | None, names: Iterable[str]) -> Write:
    """Let a throw-away container, with no other right and no network, make these files of the folder that user's."""
    whom = str(uid) if gid is None else f"{uid}:{gid}"
    inside = [f"{INSIDE}/{name}" for name in names]
    change = cmd(
        "docker", "run", "--rm", "--pull=never", "--network=none", "--log-driver=none", "--read-only",
        "--cap-drop=ALL", "--cap-add=CHOWN", "--cap-add=DAC_READ_SEARCH", "--security-opt=no-new-privileges", "--user=0:0",
        f"--mount=type=bind,source={folder},target={INSIDE}",
        "--entrypoint=chown", image_id, whom, *inside,
    )  # fmt: skip
    return Write(change, f"give {', '.join(names)} in {folder} to the user {whom}")


def arrive(path: str) -> Write:
    """Let the new one take the place of the file, if it has the same owner, group and mode."""
    return Write(replace(script(ARRIVE, path), shown=f"mv {staged(path)} {path}"), f"put the new {path} in its place")


def can_give(image_id: str) -> Read[bool]:
    """Whether the image has a chown."""
    return Read(throwaway(image_id, (), "chown", "--help"), lambda result: result.code == 0, answers=ANY)


def user_id(image_id: str, user: str) -> Read[tuple[int, int] | None]:
    """Number of user and group that the image's processes have under that name; nothing where the image cannot tell."""
    return Read(throwaway(image_id, (), "id", user=user), parse_ids, answers=ANY)


def parse_owner(result: Result) -> Owner | None:
    """Given uid, gid and mode, return them as a value."""
    if result.code == MISSING:
        return None
    uid, gid, mode = result.out.split()
    return Owner(int(uid), int(gid), int(mode, 8))


def parse_ids(result: Result) -> tuple[int, int] | None:
    """Given the output of `id`, `uid=65534(nobody) gid=65534(nogroup) …`, return both numbers."""
    parts = dict(part.partition("=")[::2] for part in result.out.split()) if result.code == 0 else {}
    if "uid" not in parts or "gid" not in parts:
        return None
    uid, gid = (int(parts[name].partition("(")[0]) for name in ("uid", "gid"))
    return uid, gid
