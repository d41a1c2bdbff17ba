"""Commands that are shown to be pasted: they must reach the same site as the one that was typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

OURS = re.compile(r"\bopsbook (?!--lab\b|--inventory\b|lab\b)(?=[a-z-])")
SSH = re.compile(r"\bssh (?=[A-Za-z][\w.-]* )")


def pasteable(text: str, *, lab: bool, inventory: Path | None) -> str:
    """Given a hint, return it with `--lab` or `--inventory` where the operator had typed it; in the lab ssh becomes `opsbook lab shell`."""
    if lab:
        return SSH.sub("opsbook lab shell ", OURS.sub("opsbook --lab ", text))
    if inventory is not None:
        return OURS.sub(lambda _: f"opsbook --inventory {shlex.quote(str(inventory))} ", text)
    return text
