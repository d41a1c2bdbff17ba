from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.typed import SITE, Terminal

LOOKS = '''"""Tell how the host is.

When   something feels slow.
Risk   reads: changes nothing.
Undo   nothing to undo.
"""

from __future__ import annotations

from opsbook.answer import Answer
from opsbook.host import Host
from opsbook.runbook import NoParams


def answer(host: Host, p: NoParams) -> Answer:
    """Answer with a complaint."""
    return Answer(host.name, lines=(f"I am {host.name}", ""), trouble="it is slow", next=f"opsbook doctor {host.name}")


ON = "any"
ANSWER = answer
'''


def test_what_is_wrong_with_a_host_stands_apart_from_the_next_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    site = shutil.copytree(SITE, tmp_path / "site")
    (site / "runbooks/stack/complain.py").write_text(LOOKS)
    terminal = Terminal(capfd, {"XDG_STATE_HOME": str(tmp_path)}, site)
    several = terminal.type("complain", "serverA", "serverB")
    assert (several.code, several.out) == (10, "serverA:\nI am serverA\n\nserverB:\nI am serverB\n\n")
    for name in ("serverA", "serverB"):
        assert f"{name}: it is slow\n  next: opsbook doctor {name}\n\n" in several.err
    alone = terminal.type("complain", "serverA")
    assert alone.err.endswith("serverA: it is slow\n  next: opsbook doctor serverA\n")
