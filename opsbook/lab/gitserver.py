"""The lab's git server: the config repo that vps-i1 pulls from, and commits from the operator's side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opsbook.lab.containers import Box
from opsbook.lab.docker import attempt, docker, script
from opsbook.lab.lab import Lab
from opsbook.lab.p24 import contents

NAME = "git"
REPO = "/home/git/p24-infra.git"
URL = "git@git:p24-infra.git"
MAIN = "refs/heads/main"
FIRST = "refs/lab/first"  # the first commit, under a name that no fault moves
SSHD = "mkdir -p /run/sshd; test -e /run/sshd.pid || /usr/sbin/sshd"
START = f"rm -f /run/sshd.pid; {SSHD}; exec sleep infinity"
WHO = "Lab Operator <operator@lab.invalid>"
INITIAL = "The config of the monitoring stack"
INIT = """
test -e "$1/HEAD" || git init --quiet --bare --initial-branch=main "$1"
git -C "$1" rev-parse --quiet --verify "$2" || true
"""


def box(image: str, address: str, content: str) -> Box:
    """Describe the container: sshd beside a sleeper, so that the server can be down while its repo is still there."""
    arguments = ("--init", f"--ip={address}", "--entrypoint=/bin/sh")
    return Box(NAME, image, arguments, ("-c", START), content)


def initialise(lab: Lab, tree: Path) -> None:
    """Let it answer, and make the repo with its first commit, once."""
    script(lab.container(NAME), SSHD)
    if not script(lab.container(NAME), INIT, REPO, MAIN, user="git").strip():
        files = {path.relative_to(tree).as_posix(): path.read_text() for path in contents(tree)}
        first = commit(lab, files, INITIAL)
        script(lab.container(NAME), 'git -C "$1" update-ref "$2" "$3"', REPO, FIRST, first, user="git")


def commit(lab: Lab, files: Mapping[str, str | None], message: str) -> str:
    """Commit files to the config repo (None removes one), as a colleague's push would; return the new commit."""
    parent = head(lab)
    git = ("exec", "--interactive", "--user=git", lab.container(NAME), "git", "-C", REPO)
    docker(*git, "fast-import", "--quiet", "--date-format=now", stdin=stream(files, message, parent))
    return head(lab)


def head(lab: Lab) -> str:
    """Return the commit that the repo's main branch is at; empty before the first."""
    git = ("exec", "--user=git", lab.container(NAME), "git", "-C", REPO)
    return attempt(*git, "rev-parse", "--quiet", "--verify", MAIN).stdout.decode().strip()


def content(lab: Lab, path: str, ref: str = MAIN) -> str:
    """Read a file of the config repo."""
    return docker("exec", "--user=git", lab.container(NAME), "git", "-C", REPO, "show", f"{ref}:{path}")


def present(lab: Lab, path: str) -> str | None:
    """Read a file of the config repo; None when there is none."""
    git = ("exec", "--user=git", lab.container(NAME), "git", "-C", REPO)
    done = attempt(*git, "show", f"{MAIN}:{path}")
    return done.stdout.decode() if done.returncode == 0 else None


def stream(files: Mapping[str, str | None], message: str, parent: str) -> bytes:
    """Build what `git fast-import` reads: one commit on top of its parent."""
    lines = [f"commit {MAIN}\ncommitter {WHO} now\n".encode(), data(message)]
    if parent:
        lines.append(f"from {parent}\n".encode())
    for path, text in files.items():
        lines.append(f"D {quoted(path)}\n".encode() if text is None else f"M 100644 inline {quoted(path)}\n".encode() + data(text))
    return b"".join(lines)


def data(text: str) -> bytes:
    """Frame a text by its length."""
    raw = text.encode()
    return b"data %d\n%s\n" % (len(raw), raw)


def quoted(path: str) -> str:
    """Quote a path as git does in C style."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
