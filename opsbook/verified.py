"""What is known of a fetched file from when it was fetched: which list of checksums named its sum, and when that was read."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Verified:
    """The sum that the list gave, and the moment, in words."""

    sha256: str
    when: str


def keep(path: Path, folder: str, sha256: str) -> None:
    """Put on record, beside the file and for its owner alone, that the list of that URL gives this sum now; where it cannot, do nothing."""
    told = json.dumps({"folder": folder, "sha256": sha256, "at": time.time()})
    with suppress(OSError):     # the file is good without it
        handle, half = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")      # 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(told)
            Path(half).replace(_beside(path))
        finally:
            Path(half).unlink(missing_ok=True)


def kept(path: Path, folder: str) -> Verified | None:
    """Return what is on record of the file and the list of that URL; nothing where there is none, or it cannot be understood."""
    try:
        found = json.loads(_beside(path).read_text(encoding="utf-8"))
        if found["folder"] != folder:
            return None
        return Verified(str(found["sha256"]), f"{datetime.fromtimestamp(found['at'], UTC):%Y-%m-%d %H:%M} UTC")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")
