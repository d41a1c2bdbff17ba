"""The one JSON document that `--json` prints."""

from __future__ import annotations


def document(value: object) -> str:
    """Return the value as readable JSON."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
