"""Read the variables of a `.env.local`: `NAME=value` lines, quoted or not, nothing expanded."""

from __future__ import annotations

import re

# name, then a value in double quotes (may span lines), in single quotes, or bare up to a comment
LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*"""
    r"""(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:(?![ \t]\#)[^\n\r])*?))[ \t]*(?:\#[^\n\r]*)?\r?$""",
    re.MULTILINE | re.DOTALL,
)
ESCAPES = {r"\n": "\n", r"\"": '"', r"\\": "\\", r"\$": "$"}


def parse_env(text: str) -> dict[str, str]:
    """Given the text of the file, return its variables; lines that set none are passed over."""
    return {match[1]: _value(match) for match in LINE.finditer(text)}


def _value(match: re.Match[str]) -> str:
    double, single, bare = match[2], match[3], match[4]
    if double is not None:
        return re.sub(r"\\[n\"\\$]", lambda escape: ESCAPES[escape[0]], double)
    return single if single is not None else bare.strip()
