"""The built-in commands: parse, call one function, print. The table names them without importing them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """Where a command lives, and its line in the help."""

    module: str
    function: str
    summary: str


COMMANDS = {
    "list": Entry("opsbook.commands.list", "list_runbooks", "Every runbook, by chapter"),
    "show": Entry("opsbook.commands.show", "show", "A runbook's page: when, risk, undo, steps, proof"),
    "hosts": Entry("opsbook.commands.hosts", "hosts", "The inventory as read, missing variables marked"),
    "doctor": Entry("opsbook.commands.doctor", "doctor", "Why a host cannot be operated, and what would mend it"),
    "history": Entry("opsbook.commands.history", "history", "What was run, by whom, with what result"),
    "undo": Entry("opsbook.commands.undo", "undo", "Undo a run, also a green one"),
    "trust": Entry("opsbook.commands.trust", "trust", "Accept a host's key after comparing its fingerprint"),
    "unlock": Entry("opsbook.commands.unlock", "unlock", "Take the lock of another operator away"),
    "lab": Entry("opsbook.commands.lab", "lab", "A disposable, real copy of the servers on this machine"),
    "completion": Entry("opsbook.commands.completion", "completion", "The completion script for bash, zsh or fish"),
}
