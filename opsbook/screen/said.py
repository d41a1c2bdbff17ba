"""What several hosts said while they looked: the same text once, with all who said it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from opsbook.events import Event

NAMED = 5       # so many hosts are named before a text


class Said:
    """Texts by who said them, in the order in which they came."""

    def __init__(self) -> None:
        self._by_host: dict[str, list[str]] = {}
        self._one_at_a_time = threading.Lock()

    def take(self, event: Event) -> None:
        """Keep what a host says; what it finds done already is no news."""
        if event.kind == "say" and event.host and not event.detail.get("already"):
            with self._one_at_a_time:
                self._by_host.setdefault(event.host, []).append(event.title)

    def told(self) -> Iterator[tuple[str, str]]:
        """Yield each text with its hosts in words, and forget it."""
        with self._one_at_a_time:
            by_host, self._by_host = self._by_host, {}
        who: dict[str, list[str]] = {}
        for host, texts in by_host.items():
            who.setdefault("\n".join(texts), []).append(host)
        for text, hosts in who.items():
            more = f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else ""
            yield f"{', '.join(hosts[:NAMED])}{more}", text
