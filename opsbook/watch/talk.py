"""A long-lived process on the host, spoken with line by line."""

from __future__ import annotations

from typing import Protocol


class Talk(Protocol):
    """Lines in, lines out, until one side ends it."""

    def send(self, line: str) -> None:
        """Send the line; the newline is added. Raise ConnectionLost when it cannot be sent."""

    def receive(self, within: float) -> str:
        """Return the next line without its newline; raise TimeoutError, or EOFError when the process has ended."""

    def code(self, within: float) -> int:
        """Return the exit code after the end; raise TimeoutError."""

    def close(self) -> None:
        """End the conversation."""
