"""Hostile texts that go all the way to a real host, and hostile texts that come back from it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from opsbook.lab import gitserver
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from tests.hostile import hostile, shown_raw
from tests.lab.process import opsbook
from tests.lab.reach import VPS, on_vps

ATTACK = "\x1b]0;owned\x07\x1b[2J\x9b31m\x1b[1A\rvps-i1  proven   all is well\u202e"
# the same in YAML and as bytes of a log
IN_YAML = r'"\e]0;owned\a\e[2J\x9b31m\e[1A\rvps-i1  proven   all is well\u202e [bold red]x[/bold red]"'
RULE = f"groups:\n- name: {IN_YAML}\n  rules:\n  - alert: Loud\n    expr: up == 0\n    annotations: {{x: {IN_YAML}}}\n"
BROKEN = f"groups:\n- name: x\n  rules:\n  - alert: Loud\n    expr: {IN_YAML}\n"
OWNED = ("]0;owned", "\x07", "\x9b", "\u202e", "\x1b[2J", "\x1b[1A\r")
MARKER = Path("/var/tmp/opsbook-executed")      # the same path on both sides


def run_on_a_colour_terminal(*words: str) -> str:
    """Run opsbook on a pseudo-terminal with colours; return every byte that it wrote, as text."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen([sys.executable, "-m", "opsbook", *words], stdin=slave, stdout=slave, stderr=slave, env=environment) as started:
        os.close(slave)
        seen = b""
        while chunk := _read(master):
            seen += chunk
        started.wait(timeout=60)
    os.close(master)
    return seen.decode(errors="replace")


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:     # Linux says EIO when the other side is closed
        return b""


def log_hostile_lines(lab: Lab) -> None:
    into = "docker exec --interactive monitoring-prometheus-1 sh -c 'cat > /proc/1/fd/1'"
    script(lab.container(VPS), f"printf '%s\\n' \"$1\" | {into}", ATTACK + " in the log")


@pytest.mark.parametrize("words", [
    ("reload-rules", VPS, "--plan", "--ref"), ("logs", "prometheus", VPS, "--lines", "1", "--since"),
    ("reload-alertmanager", VPS, "--plan", "--as-is", "--route"),
], ids=lambda words: words[0])  # fmt: skip
def test_a_hostile_text_that_the_command_line_lets_through_is_only_a_text_on_the_host(lab: Lab, words: tuple[str, ...]) -> None:
    *before, option = words
    passing = [text for text in hostile(MARKER) if text and text.isprintable() and not text.startswith("-") and len(text) < 100]
    for text in (*passing[:6], "refs/heads/../../x", "HEAD:monitoring/.env", "main:", "x=$(id)", "a=b,--config.file=/etc/passwd"):
        ran = opsbook("--lab", *before, f"{option}={text}")
        assert ran.code in ({0, 2, 3} if option == "--route" else {2, 3}), (text, ran.text)
        assert "Traceback" not in ran.text
        assert "root:x:0" not in ran.text
    assert not MARKER.exists()
    assert on_vps(lab, f"ls {MARKER} 2>/dev/null || true") == ""
    assert script(lab.container(VPS), f"docker exec monitoring-prometheus-1 ls {MARKER} 2>/dev/null || true") == ""


@pytest.mark.parametrize("content", [RULE, BROKEN], ids=["good", "refused"])
def test_escape_sequences_of_commits_rules_and_logs_do_not_reach_the_terminal(restored: Lab, content: str) -> None:
    gitserver.commit(restored, {"monitoring/prometheus/rules/loud.yml": content}, f"{ATTACK}\n\n{ATTACK}")
    log_hostile_lines(restored)
    for words in (("reload-rules", VPS, "--plan"), ("logs", "prometheus", VPS, "--lines", "20")):
        plain = opsbook("--lab", *words)
        assert not shown_raw(plain.text), plain.text
        assert "\\u001b" in plain.text, plain.text
        coloured = run_on_a_colour_terminal("--lab", *words)
        assert "\x1b[" in coloured      # it was a terminal with colours
        assert [one for one in OWNED if one in coloured.replace("\\u001b]0;owned", "")] == [], coloured
        document = opsbook("--lab", *words, "--json").out
        assert json.loads(document)["code"] in {0, 3}
        assert not shown_raw(document)
    assert not shown_raw(opsbook("history", "--json").out)


def test_a_hostile_line_in_the_hosts_log_does_not_reach_the_terminal(restored: Lab) -> None:
    box = restored.container(VPS)
    script(box, 'logger --tag opsbook -- "start 261121-0105-aaaa x by $1"; logger --tag opsbook -- "lost x $1"', ATTACK)
    told = opsbook("--lab", "history", "--on", VPS)
    assert told.code == 0
    assert not shown_raw(told.text)
