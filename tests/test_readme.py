from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_runbook_that_the_readme_shows_is_the_real_file() -> None:
    shown = (ROOT / "README.md").read_text().split("```python\n")[1].split("\n```")[0]
    assert shown == (ROOT / "runbooks/stack/restart_service.py").read_text().rstrip()
