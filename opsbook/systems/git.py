"""A git checkout on the host: what is there, what would come, and the way there and back."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.host import Read, Write
from opsbook.shell import Command, cmd, pipe, prefixed, script
from opsbook.systems.answers import is_good, nothing
from opsbook.systems.commit import (
    FORMAT,
    NO_BRANCH,
    NO_SUCH_REF,
    Change,
    Commit,
    Status,
    parse_changes,
    parse_commit_id,
    parse_fetched,
    parse_log,
    parse_status,
)

INCOMING = "refs/opsbook/incoming"      # what was fetched last; judged and merged by this very name

# Fetches the wanted branch, else the wanted tag, into names of our own, so that the checkout's own refs stay as they are; for anything
# else (a bare commit's id) every branch and tag. The site's ssh command is kept (it may name a deploy key) but may ask nothing.
# git < 2.29 cannot be told to leave FETCH_HEAD alone, and rev-parse of git < 2.30 knows no --end-of-options.
FETCH = """
cd -- "$1" || exit
export GIT_TERMINAL_PROMPT=0
export GIT_SSH_COMMAND="${GIT_SSH_COMMAND:-$(git config core.sshCommand || echo ssh)} -o BatchMode=yes -o ConnectTimeout=10"
wanted=$2
branch=$(git symbolic-ref --quiet --short HEAD)
remote=$(git config "branch.$branch.remote" || echo origin)
if [ -z "$wanted" ]; then
    [ -n "$branch" ] || exit 67
    wanted=$(git config "branch.$branch.merge" || echo "$branch"); wanted=${wanted#refs/heads/}
fi
case $wanted in -*) exit 66 ;; esac
options=(--quiet --no-tags --refmap=)
case $(git fetch -h 2>&1) in *write-fetch-head*) options+=(--no-write-fetch-head) ;; esac
get() { git fetch "${options[@]}" "$@"; }
use() {
    commit=$(git rev-parse --verify --quiet "$1^{commit}") || return 66
    git update-ref refs/opsbook/incoming "$commit" && echo "$commit"
}
heads=refs/opsbook/heads tags=refs/opsbook/tags
if git check-ref-format "refs/heads/$wanted"; then
    get "$remote" "+refs/heads/$wanted:$heads/$wanted" 2> /dev/null && { use "$heads/$wanted"; exit; }
    there=$(git ls-remote "$remote" "refs/heads/$wanted" "refs/tags/$wanted") || exit      # a server that is away says so here
    case $there in
        *refs/heads/*) ;;       # another branch's old name is in its way: pruning helps
        *refs/tags/*) get "$remote" "+refs/tags/$wanted:$tags/$wanted" && { use "$tags/$wanted"; exit; } ;;
    esac
fi
get --prune "$remote" "+refs/heads/*:$heads/*" "+refs/tags/*:$tags/*" || exit
for name in "$heads/$wanted" "$tags/$wanted" "$wanted"; do
    use "$name"; code=$?
    [ "$code" = 66 ] || exit "$code"
done
exit 66
"""
FETCHING = 120      # seconds
COMMIT = 'case $2 in -*) exit 1 ;; esac; exec git -C "$1" rev-parse --verify --quiet "$2^{commit}"'
# A root's or a careful user's umask would make pulled files unreadable for the services.
READABLE = 'umask 022; exec "$@"'


@dataclass(frozen=True)
class Git:
    """One checkout."""

    directory: str

    def fetch(self, ref: str | None = None) -> Read[str | None]:
        """Fetch, let refs/opsbook/incoming be the wanted branch, tag or commit, and return its commit; nothing if there is none.

        Without a ref it is the upstream of the current branch.
        """
        asked = prefixed(script(FETCH, self.directory, ref or ""), "timeout", "--verbose", "--kill-after=5", FETCHING)
        return Read(asked, parse_fetched, answers=frozenset({0, NO_SUCH_REF, NO_BRANCH}), within=FETCHING + 15)

    def status(self) -> Read[Status]:
        """Commit, branch, upstream and uncommitted changes."""
        return Read(self._git("status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z"), parse_status)

    def commit(self, ref: str = "HEAD") -> Read[str | None]:
        """The commit that the name stands for, or nothing."""
        return Read(script(COMMIT, self.directory, ref), parse_commit_id, answers=frozenset({0, 1}))

    def changed(self, old: str, new: str) -> Read[tuple[Change, ...]]:
        """What differs between two commits."""
        return Read(self._git("diff", "--name-status", "--no-renames", "-z", old, new, "--"), parse_changes)

    def log(self, old: str, new: str) -> Read[tuple[Commit, ...]]:
        """The commits that `new` has and `old` lacks, newest first."""
        return Read(self._git("log", "-z", FORMAT, f"{old}..{new}", "--"), parse_log)

    def newest(self, count: int) -> Read[tuple[Commit, ...]]:
        """The last commits of the checkout."""
        return Read(self._git("log", "-z", FORMAT, f"--max-count={count}", "--"), parse_log)

    def is_ancestor(self, old: str, new: str) -> Read[bool]:
        """Whether `new` can be reached from `old` by going forward only."""
        return Read(self._git("merge-base", "--is-ancestor", old, new), is_good, answers=frozenset({0, 1}))

    def export(self, commit: str, folder: str, *paths: str) -> Read[None]:
        """Unpack the commit's files into a scratch folder, with the modes that our checkout gives them."""
        archive = self._git("-c", "tar.umask=022", "archive", "--format=tar", commit, *(("--", *paths) if paths else ()))
        return Read(pipe(archive, cmd("tar", "--extract", "--preserve-permissions", f"--directory={folder}")), nothing)

    def forward(self, ref: str = INCOMING) -> Write:
        """Fast-forward the branch and its files to the ref; nothing is changed if that is impossible."""
        shown = ref if "/" in ref else ref[:10]
        return Write(self._readable("merge", "--ff-only", "--quiet", ref), f"fast-forward {self.directory} to {shown}")

    def back(self, commit: str) -> Write:
        """Move branch and files back to the commit; local changes stay, and where they would not git refuses."""
        return Write(self._readable("reset", "--keep", "--quiet", commit), f"move {self.directory} back to {commit[:10]}")

    def _git(self, *words: str) -> Command:
        return cmd("env", "GIT_OPTIONAL_LOCKS=0", "git", "-C", self.directory, *words)

    def _readable(self, *words: str) -> Command:
        return script(READABLE, "git", "-C", self.directory, *words)
