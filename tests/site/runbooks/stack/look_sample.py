"""Tell how the host is.

When   something feels slow.
Risk   reads: changes nothing.
Undo   nothing to undo.
"""

from __future__ import annotations

from opsbook.answer import Answer
from opsbook.host import Host
from opsbook.runbook import NoParams


def answer(host: Host, p: NoParams) -> Answer:
    """Answer with its name."""
    return Answer(host.name, lines=(f"I am {host.name}",))


ON = "any"
ANSWER = answer
