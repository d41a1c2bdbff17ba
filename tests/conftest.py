"""How tests are named."""

from __future__ import annotations

LONGEST = 50


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its parameter: a key or hash that is made anew would give each worker other names, and it runs nothing then."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST else None
