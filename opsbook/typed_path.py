"""A path that the operator has typed, with the home that `~` means."""

from __future__ import annotations

import os
from pathlib import Path


def typed_path(text: str | Path) -> Path:
    """Return the path; below the home of a user whom nobody knows it stays as it was typed, and is not there."""
    return Path(os.path.expanduser(text))       # noqa: PTH111  Path.expanduser raises RuntimeError for such a user
