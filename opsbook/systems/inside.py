"""What is inside a container: its files as its process sees them, programs of its image."""

from __future__ import annotations

from collections.abc import Iterable

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result
from opsbook.shell import Command, cmd, prefixed
from opsbook.systems.container import Mount
from opsbook.systems.files import XARGS, listed

UNREACHED = frozenset({1, 4})       # busybox's wget, and the other one
ANSWERED = "server returned error"
EXISTS = "/dev/null"    # hashed along: if it is missing from the answer, it was the exec that failed


def exec_(container: str, *words: str | int | None, user: str | None = None, stdin: bool = False) -> Command:
    """Return the command run inside the container, without a terminal."""
    interactive = "--interactive" if stdin else None
    return cmd("docker", "exec", interactive, None if user is None else f"--user={user}", container, *words)


def hashes_inside(container: str, paths: Iterable[str]) -> Read[dict[str, str]]:
    """SHA-256 of files as the container's process sees them; those it cannot read are left out."""
    asked = prefixed(exec_(container, "sha256sum", "--", EXISTS), "xargs", "--null")
    return Read(asked, parse_hashes_inside, stdin=listed(paths), answers=XARGS)


def parse_hashes_inside(result: Result) -> dict[str, str]:
    """Given the output of sha256sum, return hashes by path; raise CommandFailed if it never ran."""
    found = {path: digest for digest, _, path in (line.partition("  ") for line in result.out.splitlines())}
    if EXISTS not in found:
        raise CommandFailed("sha256sum did not run in the container", saw=result.err.strip())
    del found[EXISTS]
    return found


def complaint(container: str, url: str) -> Read[str]:
    """Why a process in the container cannot reach the address; nothing if it can, or if the image has no wget to tell."""
    wget = exec_(container, "wget", "-q", "-Y", "off", "-T", 5, "-O", "/dev/null", url)
    return Read(wget, parse_complaint, answers=frozenset(range(256)))


def parse_complaint(result: Result) -> str:
    """Given how wget ended, return why it reached nobody; an answer of whatever status is one."""
    if result.code not in UNREACHED or ANSWERED in result.err:
        return ""
    return (result.err.strip() or "no answer").splitlines()[-1].removeprefix("wget: ")


def throwaway(image_id: str, mounts: Iterable[Mount], *words: str | int | None, user: str = "") -> Command:
    """Return a command run once in a new container of the image, with these mounts read-only, no network and no log."""
    program, *arguments = (word for word in words if word is not None)
    return cmd(
        "docker", "run", "--rm", "--pull=never", "--network=none", "--log-driver=none", "--read-only",
        f"--user={user}" if user else None,
        *(f"--mount={mounted(mount)}" for mount in mounts),
        f"--entrypoint={program}", image_id, *arguments,
    )  # fmt: skip


def mounted(mount: Mount, *, writable: bool = False) -> str:
    """Return the mount as `--mount` takes it."""
    source = mount.volume if mount.type == "volume" else mount.source
    pairs = (f"type={mount.type}", f"source={source}", f"target={mount.destination}", *(() if writable else ("readonly",)))
    return ",".join(_csv(pair) for pair in pairs)


def _csv(field: str) -> str:
    doubled = field.replace('"', '""')
    return f'"{doubled}"' if any(sign in field for sign in ',"\n') else field
