"""The endpoints of a querier, as it last saw them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .serving import ask
from .settings import texts


@dataclass(frozen=True)
class Store:
    """One endpoint as it was last seen."""

    name: str
    error: str | None = None
    kind: str = "unknown"
    label_sets: list[dict[str, str]] = field(default_factory=list)
    low: int = 0
    high: int = 0
    seen: str = ""

    def described(self) -> dict[str, object]:
        """Return the entry of /api/v1/stores."""
        return {
            "name": self.name,
            "lastCheck": self.seen,
            "lastError": self.error,
            "labelSets": self.label_sets,
            "minTime": self.low,
            "maxTime": self.high,
        }


def look_at(address: str) -> Store:
    """Ask an endpoint who it is."""
    now = datetime.now(UTC).isoformat()
    try:
        answer = ask(f"http://{address.removeprefix('dns+')}/info", within=2)
        info = json.loads(answer.body)
    except (OSError, ValueError) as error:
        return Store(address, f"rpc error: code = Unavailable desc = {error}", seen=now)
    sets = [texts(item) for item in info["labelSets"]]
    trouble = None if answer.ok else "rpc error: code = Unavailable desc = not ready"
    return Store(address, trouble, info["type"], sets, info["minTime"], info["maxTime"], now)
