"""Faults of the config repo and of the checkout."""

from __future__ import annotations

from collections.abc import Mapping

from opsbook.errors import UsageError
from opsbook.lab import gitserver
from opsbook.lab.docker import LabError, holds, script
from opsbook.lab.faults.actions import ADMIN, RULES, come_back, reload, run, withdraw
from opsbook.lab.faults.fault import Fault
from opsbook.lab.lab import Lab
from opsbook.lab.stack import CHECKOUT
from opsbook.lab.state import Injected

BROKEN = f"{RULES}/zz-broken.yml"
BROKEN_RULE = "groups:\n  - name: broken\n    rules:\n      - alert: Broken\n        expr: sum(up) by (job) >\n"
EDITED = f"{RULES}/infrastructure.yml"

PULLED = 'test -e "$1/$2" && echo yes || true'
EDIT = 'cd "$1" && echo "# edited by hand" >> "$2"'
# In place, because a file that is replaced would strand a container that has it mounted.
UNEDIT = """
cd "$1"
git show "HEAD:$2" > /tmp/lab-unedit
cat /tmp/lab-unedit > "$2"
rm /tmp/lab-unedit
git update-index -q --refresh || true
"""
AT = 'cd "$1" && git rev-parse HEAD'
# What comes after the checkout's commit, and that commit itself, become one that is neither. Where the checkout has a commit
# that upstream lacks, its newest is replaced: the checkout's own has no place there anyway.
REWRITE = """
cd "$1"
git update-ref refs/lab/old "$2"
tree=$(git rev-parse "$2^{tree}")
gone=$2
if git merge-base --is-ancestor "$3" "$2" 2>/dev/null; then gone=$3; fi
parent=$(git rev-parse --quiet --verify "$gone^" || true)
export GIT_AUTHOR_NAME=Colleague GIT_AUTHOR_EMAIL=colleague@lab.invalid
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
new=$(git commit-tree ${parent:+-p "$parent"} -m "The same, with history rewritten" "$tree")
git update-ref refs/lab/new "$new"
git update-ref "$2" "$new"
"""
RESTORE = """
cd "$1"
if [ "$(git rev-parse "$2")" = "$(git rev-parse --quiet --verify refs/lab/new)" ]; then git update-ref "$2" refs/lab/old; fi
git update-ref -d refs/lab/new
git update-ref -d refs/lab/old
"""
STILL_THERE = ("merge-base", "--is-ancestor")
STOP = "test -e /run/sshd.pid || exit 0; kill $(cat /run/sshd.pid); while [ -e /run/sshd.pid ]; do sleep 0.05; done"


def push_bad_rule(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Commit a rule that does not parse; the host has not pulled it yet."""
    gitserver.commit(lab, {BROKEN: BROKEN_RULE}, "Add an alert that does not parse")
    return {}


def withdraw_bad_rule(lab: Lab, _: Injected) -> None:
    """Commit its removal, and where the host has pulled it, pull again and reload."""
    if gitserver.present(lab, BROKEN) is not None:
        gitserver.commit(lab, {BROKEN: None}, "Remove the alert that does not parse")
    if run(lab, PULLED, CHECKOUT, BROKEN).strip():
        withdraw(lab, {}, "")
        reload(lab)


def edit_by_hand(lab: Lab, args: tuple[str, ...]) -> Mapping[str, str]:
    """Append a line to a tracked file of the checkout."""
    run(lab, EDIT, CHECKOUT, args[0] if args else EDITED, user=ADMIN)
    return {}


def can_edit(lab: Lab, args: tuple[str, ...]) -> None:
    """Refuse a file that git does not track."""
    if args and gitserver.present(lab, args[0]) is None:
        raise UsageError(f"the config repo has no file {args[0]}", next=f"opsbook lab break dirty-checkout {EDITED}")


def undo_edit(lab: Lab, injected: Injected) -> None:
    """Write what git has back into the very same file."""
    run(lab, UNEDIT, CHECKOUT, injected.args[0] if injected.args else EDITED, user=ADMIN)


def rewrite_history(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Replace the checkout's commit upstream, as a forced push does: it has no place there any more."""
    server, at = lab.container(gitserver.NAME), run(lab, AT, CHECKOUT, user=ADMIN).strip()
    script(server, REWRITE, gitserver.REPO, gitserver.MAIN, at, user="git")
    if holds("exec", "--user=git", server, "git", "-C", gitserver.REPO, *STILL_THERE, at, gitserver.MAIN):
        raise LabError("upstream's history was rewritten, and the checkout's commit is still part of it", saw=at)
    return {}


def restore_history(lab: Lab, _: Injected) -> None:
    """Put the old commit back, unless others have built on the new one; the checkout follows, wherever it went meanwhile."""
    script(lab.container(gitserver.NAME), RESTORE, gitserver.REPO, gitserver.MAIN, user="git")
    come_back(lab)


def stop_git_server(lab: Lab, _: tuple[str, ...]) -> Mapping[str, str]:
    """Stop its sshd: connections are refused, the repo stays."""
    script(lab.container(gitserver.NAME), STOP)
    return {}


def start_git_server(lab: Lab, _: Injected) -> None:
    """Start its sshd."""
    script(lab.container(gitserver.NAME), gitserver.SSHD)


FAULTS = (
    Fault(
        "bad-rule", "the newest commit upstream holds an alert rule that does not parse", push_bad_rule, withdraw_bad_rule, published=True
    ),
    Fault(
        "dirty-checkout",
        "a tracked file was edited on the server",
        edit_by_hand,
        undo_edit,
        "[PATH]",
        most=1,
        usual=(EDITED,),
        confirm=can_edit,
    ),
    Fault("diverged-history", "upstream's history was rewritten under the checkout", rewrite_history, restore_history, published=True),
    Fault("git-server-down", "the git server refuses connections", stop_git_server, start_git_server),
)
