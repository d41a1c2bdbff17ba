"""Lines that end between words where the terminal ends; no word is cut, so that what is to be typed can be pasted."""

from __future__ import annotations

import shutil
import sys
import textwrap

FURTHER = 4     # columns by which what goes on is indented


def folded(text: str) -> str:
    """Return the text in lines that are narrower than the terminal; blanks at the end of a line, as after a question, stay."""
    width = shutil.get_terminal_size().columns - 1
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def for_people(text: str) -> str:
    """Return the text folded where standard error is a terminal, else as it is: a log's line stays a line."""
    return folded(text) if sys.stderr.isatty() else text


def beside(head: str, text: str) -> str:
    """Return a line of a list, whose text stays beside its head where standard output is a terminal, else as it is."""
    if not sys.stdout.isatty():
        return head + text
    width = shutil.get_terminal_size().columns - 1
    return textwrap.fill(
        text, width, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False, break_on_hyphens=False
    )


def _folded(line: str, width: int) -> str:
    said, margin = line.rstrip(), " " * (len(line) - len(line.lstrip()) + FURTHER)
    parts = textwrap.wrap(said, width, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)
    return "\n".join(parts) + line[len(said):]
