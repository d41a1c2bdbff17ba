"""The stack `p24` of the lab: the config repo that its server pulls from, and the secrets beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).parent / "repo"
"""The tree that becomes the first commit of the config repo."""
STACKS = Path(__file__).parent / "stacks.yaml"
"""The `stacks` part of the lab's inventory."""


def contents(tree: Path) -> Iterator[Path]:
    """Yield the tree's files in order, without the bytecode that an installation leaves beside the exporter."""
    return (path for path in sorted(tree.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
