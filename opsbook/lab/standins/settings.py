"""Look values up in a parsed configuration, and read the units that Go programs write."""

from __future__ import annotations

import os
import re

from .yamlflow import Value

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def lookup(config: Value, *keys: str) -> Value:
    """Given nested mappings and a path of keys, return what is there, or None."""
    for key in keys:
        if not isinstance(config, dict):
            return None
        config = config.get(key)
    return config


def rows(value: Value) -> list[Value]:
    """Return a sequence as it is, and anything else as an empty one."""
    return value if isinstance(value, list) else []


def texts(value: Value) -> dict[str, str]:
    """Return a mapping with its values as text, null as none at all, and anything else as an empty mapping."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {str(key): "" if item is None else str(item) for key, item in pairs}


def seconds(text: str) -> float:
    """Given a Go duration such as 15s, 1m30s or 2h, return its seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def host_and_port(address: str) -> tuple[str, int]:
    """Given HOST:PORT as Go programs take it, return both; an empty host means every address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def expand_env(text: str) -> str:
    """Replace $(NAME), the only form that Thanos expands. Raise ValueError for an unset one."""

    def replace(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ValueError(f'found reference to unset environment variable "{match[1]}"')
        return os.environ[match[1]]

    return re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)", replace, text)
