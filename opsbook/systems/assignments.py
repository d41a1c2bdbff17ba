"""Where the assignments of a `.env` are in its text, and the text with some of them replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opsbook.errors import CommandFailed

START = re.compile(r"(?:export[ \t]+)?([\w.\[\]-]+)[ \t]*(?:([=:])[ \t]*|(?=\r?\n)|\Z)")
QUOTED = {"'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL), '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)}
BLANKS, COMMENT, BARE = re.compile(r"\s*"), re.compile(r"#[^\n]*"), re.compile(r"[^\n]*")


@dataclass(frozen=True)
class Assignment:
    """One of them: its value as it is written, with its quotes, and where that begins and ends in the text."""

    name: str
    written: str
    start: int

    @property
    def end(self) -> int:
        """Return where the value ends."""
        return self.start + len(self.written)


def assignments(text: str) -> Iterator[Assignment]:
    """Yield the assignments in order; raise CommandFailed at a line that Compose would refuse."""
    at = _next(text, 1 if text.startswith("\ufeff") else 0)
    while at < len(text):
        name = START.match(text, at)
        if not name:
            raise CommandFailed(f"line {_line(text, at)} of the env file is no assignment")
        at = name.end()
        if name[2]:
            one = Assignment(name[1], _written(text, at), at)
            yield one
            at = one.end if one.written[:1] in QUOTED else _end(BARE, text, at)
        at = _next(text, at)


def _written(text: str, at: int) -> str:
    if text[at : at + 1] not in QUOTED:
        return text[at : _end(BARE, text, at)].partition(" #")[0].rstrip()
    quoted = QUOTED[text[at]].match(text, at)
    if not quoted:
        raise CommandFailed(f"line {_line(text, at)} of the env file opens a quote that nothing closes")
    return quoted[0]


def _next(text: str, at: int) -> int:
    """Return where the next assignment may begin: after blanks and comments."""
    at = _end(BLANKS, text, at)
    while text.startswith("#", at):
        at = _end(BLANKS, text, _end(COMMENT, text, at))
    return at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
