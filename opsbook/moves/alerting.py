"""The configuration of an Alertmanager: as it is on the host's disk, as it runs, and where it sends an alert."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsbook.errors import Refused
from opsbook.host import Host, Read, Result
from opsbook.moves.incoming import over
from opsbook.moves.mounts import Place, in_place, on_host, texts
from opsbook.systems import files
from opsbook.systems.alertmanager import parse_route_test, route_test, route_tree
from opsbook.systems.answers import stripped
from opsbook.systems.container import Container
from opsbook.systems.inside import exec_
from opsbook.systems.plain_yaml import plain

CONFIG_FLAG = "--config.file="
DEFAULT = "/etc/alertmanager/alertmanager.yml"
STDIN = "/dev/stdin"
VERDICTS = frozenset({0, 1})


@dataclass(frozen=True)
class OnDisk:
    """A configuration and the templates it names; paths as in the container."""

    config: str
    text: str
    templates: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Return every file that a reload reads."""
        return (self.config, *self.templates)


def on_disk(host: Host, container: Container, place: Place = in_place) -> OnDisk:
    """Return what is on the host's disk; `place` may lead to another copy of the host's files (an incoming tree)."""
    words = (*container.entrypoint, *container.command)
    path = next((word.removeprefix(CONFIG_FLAG) for word in words if word.startswith(CONFIG_FLAG)), DEFAULT)
    source = place(on_host(container, path))
    text = host.read(files.read(source))
    if text is None:
        raise Refused(f"{source} is missing", host=host.name)
    named = (plain(text, path) or {}).get("templates") or ()
    patterns = [posixpath.join(posixpath.dirname(path), pattern) for pattern in named]
    return OnDisk(path, text, tuple(texts(host, container, patterns, place)))


def receivers(config: str) -> dict[str, dict[str, int]]:
    """Given a configuration, return how many integrations of each kind every receiver has; secrets play no part in it."""
    found = (plain(config, "the configuration") or {}).get("receivers") or ()
    return {one["name"]: {kind: len(each) for kind, each in one.items() if kind.endswith("_configs") and each} for one in found}


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in words what differs between two sets of receivers."""
    odd = (name for name in sorted({*old, *new}) if old.get(name) != new.get(name))
    return tuple(f"receiver {name}: {_kinds(old.get(name))} → {_kinds(new.get(name))}" for name in odd)


def running_tree(container: Container, config: str) -> Read[str]:
    """The routing tree of a configuration's text, as the amtool in the running container reads it; a hidden secret is none to it."""
    return Read(exec_(container.id, *route_tree(STDIN), stdin=True), stripped, stdin=config)


def tree_on_disk(container: Container, path: str) -> Read[str]:
    """The routing tree of the file that the running container sees."""
    return Read(exec_(container.id, *route_tree(path)), stripped)


def routed_now(container: Container, labels: Mapping[str, str], config: str) -> Read[str]:
    """The receivers of an alert with these labels by the text of the configuration that runs."""
    return Read(exec_(container.id, *route_test(STDIN, labels), stdin=True), _receivers, stdin=config, answers=VERDICTS)


def routed_then(container: Container, labels: Mapping[str, str], path: str, place: Place) -> Read[str]:
    """The receivers of an alert with these labels by another copy of the files."""
    return Read(over(container, route_test(path, labels), place), _receivers, answers=VERDICTS)


def parse_labels(text: str) -> dict[str, str]:
    """Given `severity=critical,team=x`, return the labels; raise ValueError if it is no such thing."""
    pairs = [part.partition("=") for part in text.split(",")]
    if any(not (name.strip() and equals and value.strip()) for name, equals, value in pairs):
        raise ValueError(f"--route wants labels such as severity=critical,team=x; not {text}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _kinds(found: Mapping[str, int] | None) -> str:
    """Return the integrations of a receiver in words."""
    if found is None:
        return "none"
    return ", ".join(f"{count} × {kind.removesuffix('_configs')}" for kind, count in sorted(found.items())) or "notifies nobody"


def _receivers(result: Result) -> str:
    """Return the receivers in words, or what amtool says against the labels."""
    return " and ".join(parse_route_test(result)) if result.code == 0 else f"nobody: {result.err.strip()}"
