"""Reach the lab as its operator does: ssh on loopback, strict about host keys."""

from __future__ import annotations

import subprocess

from opsbook.lab.docker import script
from opsbook.lab.enter import command
from opsbook.lab.lab import Lab
from opsbook.lab.state import load

VPS = "vps-i1"


def ssh(lab: Lab, host: str, line: str, *options: str, within: float = 30) -> subprocess.CompletedProcess[str]:
    """Run a shell line on a host by ssh; its failure is an answer."""
    words = command(lab, load(lab).ports[host])
    patient = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=3", *options)
    return subprocess.run([words[0], *patient, *words[1:], line], capture_output=True, text=True, timeout=within, check=False)


def on_vps(lab: Lab, text: str, user: str = "claude-admin") -> str:
    """Run a script on vps-i1 beside ssh, for looks that must work when ssh does not."""
    return script(lab.container(VPS), text, user=user)
