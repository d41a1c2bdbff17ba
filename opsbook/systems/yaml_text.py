"""YAML changed as text: single values at their places, and every other byte left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from opsbook.errors import CommandFailed

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789$./_-")
MEANS_MORE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True)
class Found:
    """A single value: the keys and list places that lead to it, its place in the text, and the values beside it."""

    way: tuple[str, ...]
    value: str
    start: int
    end: int
    style: str                      # the quote it is in; `|` or `>` for a block; empty: none
    beside: tuple[tuple[str, str], ...] = ()    # the single values of the same mapping, by their keys


def scalars(text: str, where: str, wanted: Callable[[Found], bool]) -> tuple[Found, ...]:
    """Return the values of the YAML that are wanted, in their order; raise CommandFailed where it is none."""
    import yaml

    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))     # nodes only; libyaml's loader counts other places
    except yaml.YAMLError as error:
        raise CommandFailed(f"{where} is no YAML", saw=str(error.problem) if isinstance(error, yaml.MarkedYAMLError) else "") from None
    seen: set[int] = set()
    found = (one for document in documents if document is not None for one in _walk(document, (), (), seen))
    return tuple(sorted(filter(wanted, found), key=lambda one: one.start))


def replaced(text: str, where: str, places: tuple[Found, ...], new: str) -> str:
    """Return the text with a new value at these places, in the quotes of the old one; raise CommandFailed at a block, or at no place."""
    if not places:
        raise CommandFailed(f"{where} has no such value")
    for place in reversed(places):
        if place.style in {"|", ">"}:
            raise CommandFailed(f"{where} has the value as a block", saw=".".join(place.way), next="write it in one line")
        text = text[: place.start] + _written(new, place.style) + text[place.end :]
    return text


def _written(value: str, style: str) -> str:
    if not style and set(value) <= PLAIN and value[0].isalpha() | (value[0] == "$") and value.lower() not in MEANS_MORE:
        return value
    if style == '"':
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "'" + value.replace("'", "''") + "'"


def _walk(node: Any, way: tuple[str, ...], beside: tuple[tuple[str, str], ...], seen: set[int]) -> Iterator[Found]:
    """Yield the single values below a node, each once: an alias is the very node that it stands for."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield Found(way, node.value, node.start_mark.index, node.end_mark.index, node.style or "", beside)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _walk(item, (*way, str(number)), (), seen)
    elif isinstance(node, yaml.MappingNode):
        values = tuple((key.value, value.value) for key, value in node.value if isinstance(value, yaml.ScalarNode))
        for key, value in node.value:
            yield from _walk(value, (*way, str(key.value)), values, seen)
