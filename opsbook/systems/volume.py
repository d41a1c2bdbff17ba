"""A folder in a container's volume, read and changed by a throw-away container of the same image, whether the service runs or not.

Its volume is what the container has mounted, so that no name is guessed and Docker makes none anew; the throw-away one has no network,
and no log: Docker would write what it prints to a file, where a log shipper finds it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result, Write
from opsbook.shell import cmd, script
from opsbook.systems.answers import text
from opsbook.systems.container import Mount
from opsbook.systems.inside import mounted

BEFORE = ".opsbook-before-"         # what was there, with the id of the run that took it away
AWAY = ".opsbook-aside-"             # what Caddy shall not see, with the id of the run that hid it
INCOMING = ".opsbook-incoming"
OWN = r"! -path './.*' ! -path './locks/*'"     # neither ours nor the marks of who works there right now

# Of what goes to standard output, nothing must be left in an error's text: so it is printed when it is whole, or not at all.
WHOLE = r"""
set -o pipefail
all=$("$@" | base64 --wrap=0) || exit
printf '%s' "$all"
"""
FED = r"""
set -o pipefail
base64 --decode | "$@"
"""
# in the container, by busybox, too; $1 is the folder
PACK = 'cd -- "$1" && exec tar -c -f - .\n'
HASHES = f"""[ -d "$1" ] || exit 0
cd -- "$1" && cd -- "$2" && exec find . -type f {OWN} -exec sha256sum '{{}}' +
"""
# those without their key are of no use to Caddy
CHAINS = """cd -- "$1" 2>/dev/null || exit 0
for each in certificates/*/*/*.crt; do [ ! -s "${each%.crt}.key" ] || cat -- "$each"; done
"""
# of a site's certificates, what is there is set aside once by the run whose id is $2, so that Caddy orders new ones; what an earlier run
# has set aside goes only where that is in its place, for it may be the last that a site has
SET_ASIDE = f"""set -e; umask 077
mkdir -p -- "$1"; cd -- "$1"; aside={AWAY}$2; shift 2
if [ -d "$aside" ]; then exit; fi
mkdir -p "$aside.new"; lacking=
for site; do
    found=
    for each in certificates/*/"$site"; do
        [ -d "$each" ] || continue
        mkdir -p "$aside.new/${{each%/*}}"; rm -rf "./$aside.new/$each"; mv -- "$each" "$aside.new/$each"; found=1
    done
    [ "$found" ] || lacking=1
done
for each in {AWAY}*; do [ "$lacking" ] || [ "$each" = "$aside.new" ] || rm -rf "./$each"; done
mv "$aside.new" "$aside"
sync
"""
# the way back, for these sites, from a way there that was killed half-way, too; what Caddy has got since stays
BRING_BACK = f"""set -e; umask 077
cd -- "$1"; aside={AWAY}$2; shift 2
for site; do
    for each in "$aside"/certificates/*/"$site" "$aside.new"/certificates/*/"$site"; do
        to=${{each#*/}}
        if [ ! -d "$each" ] || [ -s "$to/$site.crt" ]; then continue; fi
        mkdir -p "${{to%/*}}"; rm -rf "./$to"; mv -- "$each" "$to"
    done
done
sync
"""
UNPACK = f"""set -e; umask 077
mkdir -p -- "$1"; cd -- "$1"
rm -rf {INCOMING}; mkdir {INCOMING}
tar -x -p -o -f - -C {INCOMING}
"""
# what was there is kept once, by the run whose id is $2: a rerun finds it whole and does not overwrite it
SWAP = f"""set -e; umask 077
cd -- "$1"; before={BEFORE}$2
if [ ! -d "$before" ]; then
    rm -rf {BEFORE}*; mkdir -p .opsbook-aside
    for each in *; do [ ! -e "$each" ] || mv -- "$each" .opsbook-aside/; done
    mv .opsbook-aside "$before"
fi
for each in {INCOMING}/*; do rm -rf "./${{each##*/}}"; mv -- "$each" .; done
rmdir {INCOMING}
sync
"""
# each half is safe to do again: the folder's name says which one is due
SWAP_BACK = f"""set -e
cd -- "$1"; before={BEFORE}$2
if [ -d "$before" ]; then
    for each in *; do [ ! -e "$each" ] || rm -rf "./$each"; done
    mv -- "$before" "$before-back"
fi
[ -d "$before-back" ] || exit 0
for each in "$before-back"/*; do [ ! -e "$each" ] || {{ rm -rf "./${{each##*/}}"; mv -- "$each" .; }}; done
rmdir -- "$before-back"
rm -rf {INCOMING}
sync
"""
# the last one of that name that was set aside is kept
PUT_AWAY = 'cd -- "$1" 2>/dev/null || exit 0; [ -e "$2" ] || exit 0; rm -rf ".opsbook-was-$2"; exec mv -- "$2" ".opsbook-was-$2"\n'
LISTED = 'cd -- "$1/$2" 2>/dev/null || exit 0; exec ls -A\n'


@dataclass(frozen=True)
class Folder:
    """A folder as a container of that image, user and mount sees it."""

    path: str
    image_id: str
    mount: Mount
    user: str = ""

    def packed(self) -> Read[str]:
        """All of it as a tar in base64, for `decoded`; it may hold keys, which the mask has to learn."""
        return Read(script(WHOLE, *self._throwaway(PACK)), text, within=120)

    def hashes(self, below: str = ".") -> Read[dict[str, str]]:
        """SHA-256 of each file, by its path; nothing for a folder that is not there."""
        return Read(cmd(*self._throwaway(HASHES, below)), parse_hashes, within=60)

    def listed(self, below: str = ".") -> Read[tuple[str, ...]]:
        """The names at its top, our own among them, or in a folder below; nothing for one that is not there."""
        return Read(cmd(*self._throwaway(LISTED, below)), parse_names, within=60)

    def chains(self) -> Read[str]:
        """The text of every certificate that has its key beside it, one after the other; not the keys."""
        return Read(cmd(*self._throwaway(CHAINS)), text, within=60)

    def set_aside(self, run: str, *sites: str) -> Write:
        """Move these sites' certificates out of Caddy's sight, once for that run; its accounts with the CA stay."""
        title = f"set the stored certificates of {', '.join(sites)} aside"
        return Write(cmd(*self._throwaway(SET_ASIDE, run, *sites, change=True)), title)

    def bring_back(self, run: str, *sites: str) -> Write:
        """Move back what `set_aside` of that run took away of these sites, where Caddy has got no other since."""
        title = f"bring the certificates of {', '.join(sites)} back that were set aside"
        return Write(cmd(*self._throwaway(BRING_BACK, run, *sites, change=True)), title)

    def unpack(self, tar: bytes, title: str) -> Write:
        """Lay the files of the tar beside what is there, for `swap`; they belong to the container's user."""
        return Write(script(FED, *self._throwaway(UNPACK, change=True, fed=True)), title, stdin=base64.b64encode(tar).decode(), within=120)

    def swap(self, run: str, title: str) -> Write:
        """Put what was laid beside it in its place; what was there is kept for `swap_back`."""
        return Write(cmd(*self._throwaway(SWAP, run, change=True)), title)

    def swap_back(self, run: str, title: str) -> Write:
        """Put back what `swap` of that run took away, as far as it did."""
        return Write(cmd(*self._throwaway(SWAP_BACK, run, change=True)), title)

    def put_away(self, below: str, title: str) -> Write:
        """Set a folder below it aside, in the place of the one from before; one that is not there is fine."""
        return Write(cmd(*self._throwaway(PUT_AWAY, below, change=True)), title)

    def _throwaway(self, text: str, *values: str, change: bool = False, fed: bool = False) -> tuple[str, ...]:
        more = (*(("--interactive",) if fed else ()), *((f"--user={self.user}",) if self.user else ()))
        return (
            "docker", "run", "--rm", "--pull=never", "--network=none", "--log-driver=none", "--read-only", *more,
            f"--mount={mounted(self.mount, writable=change)}",
            "--entrypoint=sh", self.image_id, "-c", text, "opsbook", self.path, *values,
        )  # fmt: skip


def decoded(packed: str) -> bytes:
    """Given what `packed` answered, return the tar; raise CommandFailed, without a word of it, where it came mutilated."""
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error:
        raise CommandFailed("what came of the folder is not whole", saw=f"{len(packed)} characters") from None


def parse_hashes(result: Result) -> dict[str, str]:
    """Given lines of hash and `./path`, return the hashes by path."""
    pairs = (line.split("  ", 1) for line in result.out.splitlines())
    return {path.removeprefix("./"): digest for digest, path in pairs}


def parse_names(result: Result) -> tuple[str, ...]:
    """Given one name a line, return them."""
    return tuple(result.out.splitlines())
