"""The text of inventory.yaml as plain texts, lists and mappings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from opsbook.errors import UsageError

if TYPE_CHECKING:
    from yaml import MappingNode, Node

TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "value", "merge")}


def read(path: Path) -> str:
    """Return the file's text; raise UsageError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}", saw=str(error)) from None


def mapping(path: Path, problems: list[str]) -> dict[str, object]:
    """Return the file as a mapping; raise UsageError when it is none, and add keys that stand twice to the problems."""
    import yaml

    try:
        node = yaml.compose(read(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        value = _plain(node, "", problems) if node is not None else {}
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML", saw=str(error)) from None
    except RecursionError:
        raise UsageError(f"{path}: nested without end") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected a mapping with the keys hosts, stacks and defaults")
    return value


def _plain(node: Node, path: str, problems: list[str]) -> object:
    """Texts stay as typed: `no`, `1.10` and `1:30` are not turned into something else."""
    import yaml

    if node.tag not in TAGS:
        problems.append(f"{path or 'the file'}: tags are not allowed: {node.tag!a}")
    if isinstance(node, yaml.MappingNode):
        return _pairs(node, path, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, f"{path}[{i}]", problems) for i, item in enumerate(node.value)]
    return node.value


def _pairs(node: MappingNode, path: str, problems: list[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        below = f"{path}.{key}" if path else key
        if key in found:
            problems.append(f"{below}: stands twice, again in line {key_node.start_mark.line + 1}")
        found[key] = _plain(value_node, below, problems)
    return found
