"""Text from elsewhere on the operator's terminal: its control characters are shown, never obeyed.

Host output, commit messages, rule names and a colleague's log lines may hold escape sequences that rewrite what was printed before,
set the window's title or type into the shell. `\\u001b` is what people read instead, and it means the same inside of JSON.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# C0 but tab and newline, DEL, C1, line and paragraph separators, and what turns the direction of text
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

ODD = "backslashreplace"    # what a host sends may not fit the terminal's encoding: no reason to end a run


def tame(text: str) -> str:
    """Return the text with every character that a terminal would obey written as its code; lines that end as on Windows end as here."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


class TameStream(io.TextIOWrapper):
    """Standard output or error on which nothing but plain text arrives, whoever prints it."""

    def __init__(self, under: io.TextIOWrapper) -> None:
        self.under = under
        encoding, by_line = under.encoding, under.line_buffering
        super().__init__(under.buffer, encoding=encoding, errors=ODD, line_buffering=by_line, write_through=True)

    def write(self, text: str) -> int:
        """Write the tamed text; return the length of what was given."""
        super().write(tame(text))
        return len(text)


@contextmanager
def tamed_streams() -> Iterator[None]:
    """Until the block ends, tame what is printed on standard output and error."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_tamed(stream) for stream in before)
    try:
        yield
    finally:
        tamed, (sys.stdout, sys.stderr) = (sys.stdout, sys.stderr), before
        for stream in tamed:
            if isinstance(stream, TameStream) and stream not in before:
                stream.detach()     # else it would close what it shares


def raw(stream: TextIO) -> TextIO:
    """Return the stream that still obeys: for rich, which writes colours and tames its own text."""
    return stream.under if isinstance(stream, TameStream) else stream


def _tamed(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or isinstance(stream, TameStream):
        return stream
    stream.reconfigure(errors=ODD)      # flushes, too
    return TameStream(stream)
