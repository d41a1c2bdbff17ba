"""The constant bash scripts of the lock; their values arrive as `$1…`.

Three files lie side by side: LOCK is held by the watch, LOCK.writes is shared by the writes under way, LOCK.holder.UID says who and bears
the token without which a late write does not start. There is one for each login, because in a sticky folder nobody but its owner can
replace what a killed watch left; the newest is the holder's. What must be done if the operator vanishes lies in
~/.local/state/opsbook/debts.
"""

from __future__ import annotations

from opsbook.record.folder import STATE

HOLDER = r"""
newest_holder() {   # of plain files: a pipe of somebody else's would block, a link lead astray
  find "$lock.holder".* -maxdepth 0 -type f -printf '%T@ %p\n' 2>/dev/null |
    LC_ALL=C sort --reverse --numeric-sort | head --lines=1 | cut --delimiter=' ' --fields=2-
}
pid_in() { sed --quiet 's/.*"pid": \([0-9]*\)}$/\1/p' "$1" 2>/dev/null; }
tell_holder() {     # the time, the last beat, who
  local beat file
  file=$(newest_holder)
  beat=$(stat --format=%Y "$file" 2>/dev/null)
  echo "$(date +%s) ${beat:-0} $(base64 --wrap=0 "$file" 2>/dev/null)"
}
"""

# $1 lock, $2 seconds to wait for it, $3 silence that means the operator is gone, $4 seconds to wait for writes of a predecessor,
# $5 who (a JSON object), $6 token
WATCH = STATE + HOLDER + r"""
exec 2>&1
trap '' PIPE HUP
lock=$1 wait=$2 silence=$3 settle=$4 who=$5 token=$6
own=$lock.holder.$EUID debt_within=300 patience=3600 stale=60     # minutes; then nobody expects a debt to be paid unasked

for file in "$lock" "$lock.writes"; do
  # opened without creating it: the kernel refuses O_CREAT on another user's file in a sticky folder, even to root
  [ -e "$file" ] || (set -o noclobber; umask 022; : >"$file") 2>/dev/null     # noclobber: never through a link of somebody else's
done
exec 9<"$lock" 8<"$lock.writes" || exit 74

hold() {    # $1 is the token; an empty one bars the writes that arrive late
  rm --force "$lock.new.$$"
  (set -o noclobber; umask 022; printf '%s, "token": "%s", "since": %s, "pid": %s}\n' "${who%\}}" "$1" "$since" "$$" >"$lock.new.$$") &&
    mv --force --no-target-directory "$lock.new.$$" "$own"
}
pay() {     # newest first: what was stopped last is started first. Once: what fails, or comes too late, is told and never done again
  local name code
  for name in $(ls -t "$state/debts"); do
    if [ -n "$(find "$state/debts/$name" -mmin "+$stale")" ]; then
      mv --force "$state/debts/$name" "$state/owed/$name"
      continue
    fi
    timeout --kill-after=10 "$debt_within" bash -o pipefail "$state/debts/$name" </dev/null >"$state/debts.log" 2>&1 8<&- 9<&-
    code=$?
    if [ "$code" = 0 ]; then rm --force "$state/debts/$name"; else mv --force "$state/debts/$name" "$state/owed/$name"; fi
    logger --tag opsbook -- "debt $name ended with code $code" 2>/dev/null
    echo "paid $name $code"
  done
}
gone() {    # still holding the lock
  trap '' TERM
  local record=$state/record.json id
  hold ''
  id=$(sed --quiet '/^ "id": "[a-z0-9-]*",$/{s/.*: "//;s/",//;p;q}' "$record" 2>/dev/null)
  logger --tag opsbook -- "lost ${id:--} $1" 2>/dev/null
  flock --exclusive --timeout "$patience" 8    # what a write in flight stops must be started after it
  pay
  rm --force "$own"
  exit 0
}

if ! flock --exclusive --timeout "$wait" 9; then
  printf 'locked '; tell_holder
  exit 75
fi
if ! flock --exclusive --timeout "$settle" 8; then echo busy; exit 75; fi
since=$(date +%s.%N)
hold "$token" || exit 74
trap 'gone "was unlocked by hand"' TERM
pay
for name in $(ls "$state/owed"); do echo "paid $name 126"; done
echo "open $(date +%s.%N) $(base64 --wrap=0 "$state/record.json" 2>/dev/null)"
flock --unlock 8
echo held
while IFS= read -r -t "$silence" beat; do
  # unlocked before the goodbye: who hears it may take the lock at once
  if [ "$beat" = bye ]; then pay; rm --force "$own"; flock --unlock 9; echo bye; exit 0; fi
  touch "$own"
  echo "$beat"
done
gone "has lost its operator"
"""

# $1 lock, $2 token, $3 seconds, then the command. `tee` goes on reading when the operator's end is closed: Go programs such as docker
# die of SIGPIPE even where it is ignored. What sudo runs cannot be ended from here, and sudo alone would leave it behind with the lock
# free: root's programs have a limit of their own, well below this one.
WRITE = r"""
trap '' PIPE HUP INT
lock=$1 token=$2 seconds=$3; shift 3
# the token of a killed watch may outlive the lock, so its process must hold it, too
exec 8<"$lock.writes" && flock --shared 8 && read -r holder 2>/dev/null <"$lock.holder.$EUID" &&
  [[ $holder =~ "\"token\": \"$token\"".*"\"pid\": "([0-9]+)\}$ ]] && [ "/proc/${BASH_REMATCH[1]}/fd/9" -ef "$lock" ] ||
  { echo "opsbook: the lock on this host is no longer ours: nothing was run" >&2; exit 76; }
{ timeout --preserve-status --kill-after=10 "$seconds" "$@" 2>&1 >&3 3>&- 8<&- | tee --output-error=warn-nopipe /dev/null >&2 3>&- 8<&-
  exit "${PIPESTATUS[0]}"; } 3>&1 | tee --output-error=warn-nopipe /dev/null 8<&-
exit "${PIPESTATUS[0]}"
"""

# $1 lock. Says who holds it; exit 66: nobody.
LOOK = HOLDER + r"""
lock=$1
exec 9<"$lock" 2>/dev/null || exit 66
flock --shared --nonblock 9 && exit 66
tell_holder
"""

# $1 lock, $2 seconds to wait until the watch has paid and gone. Says what was owed.
# Exit 66: nobody holds the lock, 65: the holder is not a watch of ours.
EVICT = STATE + HOLDER + r"""
lock=$1 grace=$2
exec 9<"$lock" 2>/dev/null || exit 66
flock --exclusive --nonblock 9 && exit 66
pid=$(pid_in "$(newest_holder)")
[ -n "$pid" ] && [ "/proc/$pid/fd/9" -ef "$lock" ] || exit 65
tr '\0' ' ' <"/proc/$pid/cmdline" | grep --quiet --fixed-strings " opsbook $lock " || exit 65
ls -t "$state/debts"
kill -TERM "$pid"; kill -CONT "$pid"
flock --exclusive --timeout "$grace" 9 && exit 0
kill -KILL "$pid"
flock --exclusive --timeout 5 9 || exit 67
"""
