"""The image that a service would get: built beside the running one, judged, and dropped again."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.checkout import judged, within
from opsbook.moves.incoming import is_compose_file, own_data, tree
from opsbook.moves.mounts import Place, in_place
from opsbook.systems import building, docker
from opsbook.systems.commit import Change
from opsbook.systems.compose import compose
from opsbook.systems.container import Container
from opsbook.systems.image import Image, alike

LAST = 20       # lines of a failed build
CONFIG_FILES = "com.docker.compose.project.config_files"


def context(host: Host, service: str) -> str:
    """Return the folder that the service is built from; raise Refused where it is not built from the checkout."""
    settings = host.recall(compose(host.stack).settings()).services.get(service)
    found = settings.context if settings else ""
    if not _in_checkout(host, found):
        saw = f"it is built from {found}" if found else "the Compose file builds nothing for it"
        raise Refused(f"{service} is not built from the checkout {host.stack.checkout}", saw=saw, next="opsbook hosts", host=host.name)
    return found


@contextmanager
def incoming(host: Host, container: Container, *, as_is: bool) -> Iterator[Place]:
    """Yield the way to the files that would be built: what is on disk, or the commit that was fetched, unpacked for the block."""
    if as_is:
        yield in_place
        return
    service = container.service
    folders = [path for path in building.sources(host.recall(building.document(host.stack)), service) if _in_checkout(host, path)]
    with tree(host, judged(host), folders, own_data(host, container)) as place:
        yield place


def of_the_recipe(host: Host, container: Container, changes: Iterable[Change]) -> bool:
    """Return whether a Compose file changes, too: the candidate is built as the old one says, so the image may be new all the same."""
    files = container.labels.get(CONFIG_FILES, "").split(",")
    paths = (posixpath.join(host.stack.checkout, change.path) for change in changes)
    return any(path in files or is_compose_file(host, path) for path in paths)


def built(host: Host, service: str, place: Place) -> Image:
    """Return the image that a build of these files gives; raise Refused where it fails. Nothing that anybody runs is touched."""
    stack, name = host.stack, f"opsbook-candidate:{host.run.id}"
    env = posixpath.join(stack.directory, stack.env_file)
    file = building.only(host.recall(building.document(stack)), service, name, place)
    try:
        failed = host.read(building.build(place(context(host, service)), stack.project, env, service, file))
        found = None if failed else host.read(docker.image(name))
    finally:
        host.clean(building.drop(name))
    if found is None:
        saw = "\n".join(failed.splitlines()[-LAST:])
        raise Refused(f"{service} cannot be built", saw=saw, next="mend it in the config repo", host=host.name)
    return found


def holds_the_same(host: Host, container: Container, candidate: Image) -> bool:
    """Return whether the container runs an image with the candidate's content."""
    running = host.read(docker.image_of(container))
    return running is not None and alike(running, candidate)


def _in_checkout(host: Host, path: str) -> bool:
    return within(path, [host.stack.checkout])
