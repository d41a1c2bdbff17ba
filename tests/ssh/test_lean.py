"""In a Python of its own each, since a module is imported once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def said(code: str, *words: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True, text=True).stdout.strip()


def test_a_connection_does_not_load_invoke() -> None:
    assert said("import sys, opsbook.ssh; print([name for name in sys.modules if name.startswith('invoke')])") == "[]"


def test_a_match_exec_in_ssh_config_still_works(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text('Match exec "true"\n  User somebody\n')
    asked = (
        "import sys; from pathlib import Path; from opsbook.ssh.config import read, settings\n"
        "print(settings(read((Path(sys.argv[1]),)), 'web1').user)"
    )
    assert said(asked, str(config)) == "somebody"


def test_fabric_still_finds_all_of_invoke() -> None:
    assert said("import opsbook.ssh, fabric, invoke; print(invoke.Collection.__name__, fabric.Task.__name__)") == "Collection Task"
