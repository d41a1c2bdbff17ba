"""Images from a registry, where one answers quickly."""

from __future__ import annotations

from opsbook.lab.docker import LabError, attempt, docker, holds

QUICKLY = 5.0
PULL = 300.0


def answers() -> bool:
    """Tell whether a registry answers within a few seconds."""
    try:
        return holds("manifest", "inspect", "busybox:1.37", within=QUICKLY)
    except LabError:
        return False


def pulled(name: str, tag: str) -> bool:
    """Fetch an image and keep it under our own tag; the user's images stay as they were."""
    own = holds("image", "inspect", name)
    if not own and attempt("pull", "--quiet", name, within=PULL).returncode:
        return False
    docker("tag", name, tag)
    if not own:
        docker("image", "rm", name)
    return True
