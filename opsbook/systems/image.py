"""An image as `docker image inspect` tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsbook.host import Result
from opsbook.systems.container import environment
from opsbook.systems.times import epoch


@dataclass(frozen=True)
class Image:
    """An image on the host; `created` is in seconds since 1970."""

    id: str
    tags: tuple[str, ...] = ()
    created: float = 0.0
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()


def with_tag(name: str) -> str:
    """Given an image's name, return it with the tag that Docker would take."""
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else f"{name}:latest"


def alike(one: Image, other: Image) -> bool:
    """Return whether two images hold the same: a build from the same files is new only by its id where nothing was cached."""
    return one.id == other.id or (bool(one.layers) and _content(one) == _content(other))


def parse_images(result: Result) -> tuple[Image, ...]:
    """Given the output of `docker image inspect` (none for no image), return the images."""
    raw = json.loads(result.out) if result.out.strip() else []
    return tuple(_image(one) for one in raw)


def parse_image(result: Result) -> Image | None:
    """Given the output of `docker image inspect` for one name, return the image, or nothing."""
    found = parse_images(result)
    return found[0] if found else None


def _image(raw: Mapping[str, Any]) -> Image:
    config = raw.get("Config") or {}
    return Image(
        id=raw["Id"],
        tags=_texts(raw.get("RepoTags")),
        created=epoch(raw.get("Created") or ""),
        user=config.get("User", ""),
        entrypoint=_texts(config.get("Entrypoint")),
        command=_texts(config.get("Cmd")),
        env=environment(config.get("Env")),
        labels=config.get("Labels") or {},
        layers=_texts((raw.get("RootFS") or {}).get("Layers")),
    )


def _content(image: Image) -> tuple[object, ...]:
    return image.layers, image.user, image.entrypoint, image.command, image.env, image.labels


def _texts(found: list[str] | None) -> tuple[str, ...]:
    return tuple(found or ())
