"""The whole host at one look, over SSH alone: what is full, dead, restarting, or out of time.

One constant script asks everything side by side, each question under its own time limit, and writes no file: it must answer
on a host whose disk is full and whose Docker hangs. What did not answer is named, and the rest still counts.
"""

from __future__ import annotations

from opsbook.host import Read
from opsbook.shell import script
from opsbook.systems.commit import FORMAT
from opsbook.systems.machine_answers import Machine, parse_machine

LIMIT = 3       # seconds for each question

LOOK = """
limit=$1 checkout=$2 format=$3
export GIT_OPTIONAL_LOCKS=0 LC_ALL=C
ask() {
    local name=$1 said; shift
    said=$(timeout --kill-after=1 "$limit" "$@" 2>&1)
    printf '\\036%s\\037%s\\n%s\\n' "$name" "$?" "$said"
}
disks='columns=--output=target,source,size,avail,itotal,iavail
    df --local --block-size=1 $columns -x devtmpfs -x squashfs -x overlay -x nsfs -x efivarfs 2>/dev/null
    df --block-size=1 $columns / | tail --lines=+2'
containers='docker ps --all --quiet --no-trunc | xargs --no-run-if-empty docker container inspect'

exec {a}< <(ask now date '+%s %z'; ask load cat /proc/loadavg; ask uptime cat /proc/uptime; ask cpus nproc
    ask memory cat /proc/meminfo; ask oom grep --word-regexp oom_kill /proc/vmstat)
exec {b}< <(ask disks bash -c "$disks")
exec {c}< <(ask containers bash -o pipefail -c "$containers")
exec {d}< <(ask kills journalctl --dmesg --boot --grep='Out of memory|oom-kill' --lines=5 --output=short-iso --no-pager --quiet)
exec {e}< <(ask clock timedatectl show; ask failed systemctl list-units --failed --plain --no-legend --no-pager)
exec {f}< <([ -z "$checkout" ] || {
    ask commits git -C "$checkout" log --max-count=5 "$format" --
    ask changes git -C "$checkout" status --porcelain; })
for answers in "$a" "$b" "$c" "$d" "$e" "$f"; do cat <&"$answers"; done
exit 0
"""


def look(checkout: str | None = None, limit: int = LIMIT) -> Read[Machine]:
    """Everything that can be seen without asking any service."""
    return Read(script(LOOK, limit, checkout or "", FORMAT), parse_machine, within=6 * limit)
