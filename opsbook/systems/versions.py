"""Versions and image names, compared."""

from __future__ import annotations

import re

from opsbook.systems.container import Container
from opsbook.systems.image import with_tag

NUMBERS = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def version(text: str) -> tuple[int, ...]:
    """Given `v2.53.3` or `2.6.2-alpine`, return its numbers; nothing where it begins with none."""
    found = NUMBERS.match(text)
    return tuple(int(number) for number in found.groups() if number) if found else ()


def tag(container: Container) -> str:
    """Return the tag of the container's image, the digest left out."""
    return with_tag(container.image.partition("@")[0]).rpartition(":")[2]


def is_of(container: Container, *names: str) -> bool:
    """Return whether the image's own name is one of these, wherever it comes from."""
    return container.image.partition("@")[0].rpartition("/")[2].partition(":")[0] in names
