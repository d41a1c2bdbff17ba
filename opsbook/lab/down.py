"""Take the lab away, and on request what was kept to make the next one quickly."""

from __future__ import annotations

import shutil

from opsbook.lab import state
from opsbook.lab.docker import docker, removed
from opsbook.lab.engine import Progress, ask
from opsbook.lab.lab import Lab, cache_folder
from opsbook.lab.making.images import alone
from opsbook.lab.making.roots import swept
from opsbook.lab.making.services import REPOSITORY
from opsbook.lab.making.store import CACHE


def down(lab: Lab, progress: Progress, *, purge: bool = False) -> None:
    """Remove containers, volumes, network and state; `purge` also drops images and caches."""
    with state.alone(lab):
        if ask() is None:
            progress("no Docker Engine answers: only files are removed")
        else:
            for kind in ("container", "volume", "network"):
                names = labelled(kind, lab.label)
                removed(kind, names)
                progress(f"{kind}s: {len(names)} removed")
        shutil.rmtree(lab.folder)
        state.lock_file(lab).unlink()
    if purge:
        purged(progress)


def purged(progress: Progress) -> None:
    """Drop what all labs share; the engine keeps the images of a lab that is still up."""
    cache = cache_folder()
    with alone(cache):
        if ask() is not None:
            removed("container", labelled("container", CACHE))
            removed("volume", labelled("volume", CACHE))
            removed("image", docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", f"--filter=reference={REPOSITORY}/*").split())
        swept(cache)
    progress("images and caches: removed")


def labelled(kind: str, label: str) -> list[str]:
    """List what carries a label."""
    every = ("--all",) if kind == "container" else ()
    return docker(kind, "ls", "--quiet", *every, f"--filter=label={label}").split()
