"""The rules of a Prometheus: as they are on the host's disk, and as they run."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.moves.mounts import Place, in_place, matches, on_host, texts
from opsbook.systems import files
from opsbook.systems.container import Container
from opsbook.systems.plain_yaml import plain
from opsbook.systems.prometheus import Prometheus
from opsbook.systems.rule_changes import Difference, differences
from opsbook.systems.rules import Group, expressions, folded, parse_rule_file, with_expressions
from opsbook.systems.times import duration

DEFAULT_EVALUATION = 60.0       # Prometheus's own, in seconds
SAID = "expressions_compared_as_text"      # told once in a run, though asked again and again
CONFIG_FLAG = "--config.file="


@dataclass(frozen=True)
class OnDisk:
    """A configuration and the rule files it names; paths as in the container."""

    config: str
    patterns: tuple[str, ...]
    texts: Mapping[str, str]        # the rule files, by path
    interval: float                 # of groups that name none

    @property
    def files(self) -> tuple[str, ...]:
        """Return the rule files."""
        return tuple(self.texts)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Return the groups of all files; raise CommandFailed for a file that holds none."""
        return tuple(group for name, body in self.texts.items() for group in parse_rule_file(body, name, self.interval))

    @property
    def paths(self) -> tuple[str, ...]:
        """Return every file that a reload reads."""
        return (self.config, *self.files)

    def without_rules(self) -> tuple[str, ...]:
        """Return the patterns and files that bring no rule: an empty glob is no error to Prometheus, and alerts nobody."""
        silent = [f"{pattern} (matches no file)" for pattern in self.patterns if not any(matches(path, pattern) for path in self.files)]
        count = {path: sum(len(group.rules) for group in self.groups if group.file == path) for path in self.files}
        return (*silent, *(path for path, rules in count.items() if rules == 0))


def gap(change: Difference) -> str:
    """Given what would still have to happen to the running rules, return it as what is wrong with them."""
    wrong = {"added": "on disk but not running", "removed": "running but not on disk", "changed": "runs otherwise than on disk"}
    return f"{wrong[change.kind]}: {str(change).removeprefix(change.kind).strip()}"


def config_path(container: Container) -> str:
    """Return the configuration's path in the container, from its command line."""
    words = (*container.entrypoint, *container.command)
    return next((word.removeprefix(CONFIG_FLAG) for word in words if word.startswith(CONFIG_FLAG)), "/etc/prometheus/prometheus.yml")


def on_disk(host: Host, container: Container, place: Place = in_place) -> OnDisk:
    """Return what is on the host's disk; `place` may lead to another copy of the host's files (an incoming tree)."""
    path = config_path(container)
    source = place(on_host(container, path))
    text = host.read(files.read(source))
    if text is None:
        raise Refused(f"{source} is missing", host=host.name)
    config = plain(text, path) or {}
    patterns = tuple(posixpath.join(posixpath.dirname(path), pattern) for pattern in config.get("rule_files") or ())
    interval = duration((config.get("global") or {}).get("evaluation_interval") or DEFAULT_EVALUATION)
    return OnDisk(path, patterns, texts(host, container, patterns, place), interval)


def unlike(host: Host, prometheus: Prometheus, old: Iterable[Group], new: Iterable[Group]) -> tuple[Difference, ...]:
    """Return what differs, after letting Prometheus write all expressions that differ as text in its own way."""
    before, after = tuple(old), tuple(new)
    odd = expressions(before) ^ expressions(after)
    written = {expression: _written(host, prometheus, expression) for expression in sorted(odd)}
    return differences(with_expressions(before, written), with_expressions(after, written))


def _written(host: Host, prometheus: Prometheus, expression: str) -> str:
    formatted = host.recall(prometheus.formatted(expression))
    if formatted is not None:
        return formatted
    if not host.run.kept.get(SAID):
        host.run.kept[SAID] = True
        host.say("this Prometheus cannot format expressions (that came with 2.39): their texts are compared, white space aside")
    return folded(expression)
