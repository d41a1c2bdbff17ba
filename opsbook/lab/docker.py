"""The docker command line, by argument lists."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from opsbook.errors import OpsbookError

TAIL = 12  # lines of a failed command that are worth showing


class LabError(OpsbookError):
    """The lab could not be built, changed or reached."""


def docker(*args: str, stdin: bytes = b"", within: float = 60) -> str:
    """Run one docker command and return what it printed; anything but exit 0 is an error."""
    done = attempt(*args, stdin=stdin, within=within)
    if done.returncode:
        raise LabError(f"`docker {' '.join(args[:3])} …` ended with {done.returncode}", saw=last_lines(done.stderr or done.stdout))
    return done.stdout.decode(errors="replace")


def attempt(*args: str, stdin: bytes = b"", within: float = 60) -> subprocess.CompletedProcess[bytes]:
    """Run one docker command whose failure is an answer."""
    try:
        return subprocess.run(["docker", *args], input=stdin, capture_output=True, timeout=within, check=False)
    except FileNotFoundError:
        raise LabError("there is no docker command on this machine", next="run scripts/setup, or install docker.io") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`docker {' '.join(args[:3])} …` took more than {within:g} s", next="opsbook lab up") from None


def holds(*args: str, within: float = 60) -> bool:
    """Tell whether a docker command succeeds."""
    return attempt(*args, within=within).returncode == 0


def script(container: str, text: str, *args: str, user: str = "root", within: float = 60) -> str:
    """Run a constant script in a container; values come as $1…, never inside the text."""
    return docker("exec", "--user", user, container, "bash", "-euo", "pipefail", "-c", text, "lab", *args, within=within)


def removed(kind: str, names: Iterable[str]) -> None:
    """Remove containers (with their volumes), networks, volumes or images; those already gone are fine."""
    force = {"container": ("--force", "--volumes"), "volume": ("--force",), "image": (), "network": ()}[kind]
    for name in names:
        attempt(kind, "rm", *force, name, within=120)


def last_lines(text: bytes) -> str:
    """Return the end of an output, where the reason usually is."""
    return "\n".join(text.decode(errors="replace").strip().splitlines()[-TAIL:])
