"""Who hears what happens in a run: the journal, and the screen or `--jsonl`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsbook.cli.state import State
    from opsbook.events import Event, Tell
    from opsbook.journal import Journal
    from opsbook.screen import Screen


def chain(screen: Screen, journal: Journal, state: State) -> Tell:
    """Return one listener for all of them."""

    def tell(event: Event) -> None:
        if "next" in event.detail:
            event = replace(event, detail={**event.detail, "next": state.paste(str(event.detail["next"]))})
        if event.kind not in {"line", "answer"}:
            journal.tell(event)
        if state.options.jsonl:
            sys.stdout.write(json.dumps(asdict(event), ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        elif event.kind != "line" or not state.options.json:
            screen.tell(event)

    return tell
