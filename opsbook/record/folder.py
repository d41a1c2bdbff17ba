"""The folder of a login on the host where records, debts and what is owed lie: the beginnings of every script that works in it."""

from __future__ import annotations

STATE = 'state=$HOME/.local/state/opsbook; umask 077; mkdir --parents "$state/debts" "$state/owed" "$state/done" || exit 74\n'
# leaves standard input in the file $new, whole and on disk, or ends: $1 is its size, which a broken connection would cut
TAKE_STDIN = r"""
new=$(mktemp "$state/.new.XXXXXX") && trap 'rm --force "$new"' EXIT && cat >"$new" && [ "$(stat --format=%s "$new")" = "$1" ] &&
  sync "$new" || exit 74
"""
