"""Bring the stack's checkout forward to a commit that was judged, and back to where it was."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from opsbook.errors import CommandFailed, Refused
from opsbook.host import Host
from opsbook.systems.commit import Change, Status
from opsbook.systems.git import Git

OLD, NEW, JUDGED = "old_commit", "new_commits", "incoming_commit"     # what the run record keeps


def checkout(host: Host) -> Git:
    """Return the stack's checkout."""
    return Git(host.stack.checkout)


def fetch(host: Host, ref: str | None) -> str:
    """Fetch what would come and return its commit; raise Refused when it cannot be reached by going forward.

    The run keeps the commit itself, because a colleague's plan may move refs/opsbook/incoming at any time.
    """
    git = checkout(host)
    try:
        incoming = host.read(git.fetch(ref))
    except CommandFailed as failed:
        raise Refused(
            "the config repo cannot be fetched",
            saw=failed.saw,
            next=f"opsbook {host.run.runbook} --as-is {host.name} loads what is on disk",
            host=host.name,
        ) from None
    if incoming is None:
        raise Refused(f"the config repo has no branch, tag or commit {ref}", host=host.name)
    head = host.read(git.status()).head
    if head != incoming and not host.read(git.is_ancestor(head, incoming)):
        raise _not_forward(host, git, head, incoming, ref)
    host.keep(**{JUDGED: incoming})
    return incoming


def judged(host: Host) -> str:
    """Return the commit that this run fetched and judged; raise Refused when there is none."""
    found: str | None = host.run.kept.get(JUDGED)
    if found is None:
        raise Refused("no commit was fetched", host=host.name)
    return found


def come(host: Host) -> tuple[Change, ...]:
    """Return what the judged commit changes in the checkout."""
    git = checkout(host)
    return host.read(git.changed(host.read(git.status()).head, judged(host)))


def expect_nothing_in_the_way(host: Host, coming: Iterable[Change], folders: Iterable[str]) -> None:
    """Raise Refused when local edits overlap what comes, or lie in these folders (or files) of the host."""
    status = host.read(checkout(host).status())
    overlap = overlapping(status, coming)
    inside = tuple(path for path in status.dirty if within(posixpath.join(host.stack.checkout, path), folders))
    if overlap or inside:
        raise Refused(
            "files of the checkout were edited by hand and not committed",
            saw="\n".join(dict.fromkeys((*overlap, *inside))),
            next=f"commit them to the config repo, or load what is on disk: opsbook {host.run.runbook} --as-is {host.name}",
            host=host.name,
        )


def overlapping(status: Status, coming: Iterable[Change]) -> tuple[str, ...]:
    """Return the locally changed paths that a commit changes, too; an untracked file counts where the commit brings one of that name."""
    touched = {change.path for change in coming}
    return tuple(change.path for change in status.changes if change.path in touched)


def within(path: str, folders: Iterable[str]) -> bool:
    """Return whether the path is one of these, or lies below one of them."""
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def forward(host: Host) -> None:
    """Fast-forward to the judged commit; the one before is kept for the undo, once."""
    git, new = checkout(host), judged(host)
    head = host.read(git.status()).head
    if head == new:
        host.say(f"already so: the checkout is at {new[:10]}", already=True)
        return
    host.keep(**{OLD: host.run.kept.get(OLD, head), NEW: [*host.run.kept.get(NEW, []), new]})
    host.write(git.forward(new))


def back(host: Host) -> None:
    """Move the checkout back to where this run found it; raise Refused when somebody has moved it since."""
    git, old, ours = checkout(host), host.run.kept.get(OLD), host.run.kept.get(NEW, [])
    if old is None:
        host.say("already so: this run did not move the checkout", already=True)
        return
    head = host.read(git.status()).head
    if head == old:
        host.say(f"already so: the checkout is at {old[:10]}", already=True)
        return
    if head not in ours:
        raise Refused(
            "the checkout was moved since by somebody else",
            saw=f"it is at {head[:10]}; this run brought it from {old[:10]} to {ours[-1][:10]}",
            next=f"ssh {host.name} git -C {host.stack.checkout} log --oneline {old[:10]}..{head[:10]}",
            host=host.name,
        )
    host.write(git.back(old))


def _not_forward(host: Host, git: Git, head: str, incoming: str, ref: str | None) -> Refused:
    if host.read(git.is_ancestor(incoming, head)):
        return Refused(
            f"{ref or 'the upstream branch'} ({incoming[:10]}) is older than the checkout ({head[:10]})",
            next=f"opsbook {host.run.runbook} --as-is {host.name} loads what is on disk; opsbook undo RUN goes back",
            host=host.name,
        )
    return Refused(
        "the checkout and the config repo have diverged: neither contains the other",
        saw=f"checkout {head[:10]}, config repo {incoming[:10]}",
        next=f"ssh {host.name} git -C {host.stack.checkout} log --oneline {incoming[:10]}..{head[:10]} shows what only it has",
        host=host.name,
    )
