"""A release of node_exporter, as upstream and its mirrors lay it out; and what lies ready of it on the host."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Upload, Write
from opsbook.shell import cmd, script
from opsbook.systems.answers import stripped, whole

VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(-rc\.[0-9]{1,4})?")
ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "armv8l": "armv7", "armv7l": "armv7", "armv6l": "armv6", "armv5tel": "armv5",
    "i686": "386", "i386": "386", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64",
}  # fmt: skip
WRONG_SUM, NOT_LISTED, NO_TOOL, NOT_FETCHED = 65, 66, 67, 69
FETCHING = 660      # seconds

STAGED = r"""
staged=$HOME/.local/state/opsbook/staged; umask 077; mkdir --parents "$staged" || exit 74
find "$staged" -maxdepth 1 -type f -mmin +1440 -delete
"""
FOLDER = STAGED + 'printf "%s\\n" "$staged"\n'
# $1 the folder's URL, $2 the file's name. What is there already with the right sum is not fetched again.
FETCH = STAGED + r"""
folder=$1 name=$2
new=$(mktemp "$staged/.new.XXXXXX") && sums=$(mktemp "$staged/.new.XXXXXX") && said=$(mktemp "$staged/.new.XXXXXX") || exit 74
trap 'rm --force "$new" "$sums" "$said"' EXIT
redirects==http,https
case $folder in https:*) redirects==https ;; esac
by_wget() {     # it has no option against a redirect from https to http, so it follows none by itself where that matters
  local url=$1 hops=20 code=0 next
  [ "$redirects" != =https ] || hops=0
  for _ in 1 2 3 4 5; do
    timeout 300 wget --no-config --no-hsts --server-response --no-verbose --max-redirect="$hops" --tries=2 --timeout=30 \
      --output-document="$2" -- "$url" 2>"$said" && return 0 || code=$?
    next=$(sed --quiet 's/^ *[Ll]ocation: *\([^ ]*\).*$/\1/p' "$said" | tail --lines=1)
    case $hops$next in
      0https://*) url=$next ;;
      0?*) echo "$url leads to $next, which is no https" >&2; return 69 ;;
      *) cat "$said" >&2; return "$code" ;;
    esac
  done
  echo "it leads from place to place" >&2; return 69
}
get() {
  if command -v curl >/dev/null; then
    curl --disable --silent --show-error --fail --location --proto =http,https --proto-redir "$redirects" --connect-timeout 10 \
      --speed-limit 1000 --speed-time 30 --max-time 300 --max-filesize 268435456 --output "$2" -- "$1"
  elif command -v wget >/dev/null; then
    by_wget "$1" "$2"
  else
    echo "neither curl nor wget is on this host" >&2; exit 67
  fi
}
get "$folder/sha256sums.txt" "$sums" || case $? in 22 | 8) exit 66 ;; *) exit 69 ;; esac      # curl and wget: the server says no
sum=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1; exit }' "$sums")
[[ $sum =~ ^[0-9a-f]{64}$ ]] || exit 66
if ! sha256sum --check --status <<<"$sum  $staged/$name" 2>/dev/null; then
  get "$folder/$name" "$new" || exit 69
  have=$(sha256sum <"$new")
  [ "${have%% *}" = "$sum" ] || { echo "it is ${have%% *}, and sha256sums.txt says $sum" >&2; exit 65; }
  mv --force "$new" "$staged/$name"
fi
echo "$sum"
"""
# $1 the file's name, $2 its sum: what was sent counts from here on.
ACCEPT = STAGED + r"""
sha256sum --check --status <<<"$2  $staged/.sent.$1" && mv --force "$staged/.sent.$1" "$staged/$1"
"""
SUM = STAGED + 'if [ -f "$staged/$1" ]; then sha256sum <"$staged/$1"; fi\n'


@dataclass(frozen=True)
class Release:
    """One version for one architecture, at a place that has it."""

    version: str
    architecture: str   # as upstream calls it
    source: str         # the URL of the folder of all versions

    @property
    def folder(self) -> str:
        """Return the URL of the folder that has its files and their sums."""
        return f"{self.source}/v{self.version}"

    @property
    def name(self) -> str:
        """Return the name of its tarball."""
        return f"node_exporter-{self.version}.linux-{self.architecture}.tar.gz"

    def fetch(self) -> Read[Result]:
        """Lay it ready on the host, fetched by the host itself: the sum, or by its code why not."""
        answers = frozenset({0, WRONG_SUM, NOT_LISTED, NO_TOOL, NOT_FETCHED})
        return Read(script(FETCH, self.folder, self.name), whole, answers=answers, within=FETCHING)

    def ready(self) -> Read[str]:
        """The sum of what lies ready on the host; nothing when there is nothing."""
        return Read(script(SUM, self.name), _sum)

    def accept(self, sha256: str) -> Write:
        """Take what was sent for what it should be."""
        shown = f"sha256sum --check {self.name}: {sha256}"
        return Write(replace(script(ACCEPT, self.name, sha256), shown=shown), f"accept {self.name}")

    def sent_to(self, folder: str) -> str:
        """Return the path that it is sent to, which counts for nothing until it is accepted."""
        return f"{folder}/.sent.{self.name}"


def staging() -> Read[str]:
    """The folder of ours on the host in which files lie ready; those of yesterday go."""
    return Read(script(FOLDER), stripped)


def send(upload: Upload) -> Write:
    """Copy a file of this machine to the host."""
    return Write(upload, f"send {upload.source.name}", within=FETCHING)


def machine() -> Read[str]:
    """What kind of machine the host is, as its kernel calls it."""
    return Read(cmd("uname", "-m"), stripped)


def _sum(result: Result) -> str:
    return result.out.partition(" ")[0].strip()
