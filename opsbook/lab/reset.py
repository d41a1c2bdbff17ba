"""Bring the lab back to how it was first brought up, in seconds and without a rebuild."""

from __future__ import annotations

from dataclasses import replace

from opsbook.lab import breaking, gitserver, grafana, sites, state
from opsbook.lab.docker import script
from opsbook.lab.faults import actions, fault
from opsbook.lab.lab import Lab
from opsbook.lab.stack import CHECKOUT, DIRECTORY, EXPORTER, KEPT, START, STRANDED, knows_its_neighbours

UPSTREAM = 'git -C "$1" update-ref "$2" "$3"'
# `.env` and what is rendered from it are ignored by git and compared with their copies: written in place, and only when they
# differ, because a file that is replaced would strand a container that has it mounted.
HOST = """
cd "$1"
rm -f .git/index.lock
git for-each-ref --format='delete %(refname)' refs/opsbook | git update-ref --stdin
GIT_SSH_COMMAND='ssh -o BatchMode=yes' git fetch --quiet --prune origin '+refs/heads/*:refs/remotes/origin/*'
git checkout --quiet --force -B main origin/main
git clean --quiet --force -d
rm -rf ~/.local/state/opsbook
"""
SECRETS = """
find "$1" -type f -printf '%P\\n' | while IFS= read -r file; do
    cmp --silent "$1/$file" "$2/$file" || cp --no-target-directory "$1/$file" "$2/$file"
    chown --reference="$1/$file" "$2/$file"
    chmod --reference="$1/$file" "$2/$file"
done
"""
IMAGE = 'docker tag "$1" "$2"'
RELOAD = """
for port in 9090 9093; do curl --fail --silent --show-error --max-time 20 --request POST "http://127.0.0.1:$port/-/reload"; done
"""


def reset(lab: Lab) -> None:
    """Mend every fault, take every commit and change back, and let all services run what the first commit says."""
    with state.alone(lab):
        mended(lab)
        script(lab.container(gitserver.NAME), UPSTREAM, gitserver.REPO, gitserver.MAIN, gitserver.FIRST, user="git")
        actions.run(lab, HOST, CHECKOUT, user=actions.ADMIN)
        actions.run(lab, SECRETS, KEPT, DIRECTORY)
        actions.run(lab, IMAGE, *EXPORTER)
        actions.run(lab, START, DIRECTORY, user=actions.ADMIN)
        if actions.run(lab, STRANDED).strip():
            actions.run(lab, START, DIRECTORY, user=actions.ADMIN)
        grafana.renewed(lab.container(actions.HOST))
        actions.run(lab, RELOAD)
        knows_its_neighbours(lab.container(actions.HOST))
        sites.renewed(lab.container(actions.HOST))


def mended(lab: Lab) -> None:
    """Mend what is no commit, and forget the rest: commits are taken back here."""
    for injected in breaking.in_force(lab):
        if not fault(injected.name).published:
            breaking.repair(lab, injected)
    state.save(lab, replace(state.load(lab), faults=()))
