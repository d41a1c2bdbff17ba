"""The `.env` of a Compose project, read by Compose's own rules.

Single quotes are literal; double quotes know escapes and `$NAME`; bare values know `$NAME` and end at ` #`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result
from opsbook.systems.answers import MISSING
from opsbook.systems.files import read

START = re.compile(r"(?:export[ \t]+)?([\w.\[\]-]+)[ \t]*(?:([=:])[ \t]*|(?=\n)|\Z)")
QUOTED = {"'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL), '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)}
ESCAPE = re.compile(r'\\([abfnrtv$"\\])')
MEANT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$", '"': '"', "\\": "\\"}
DOLLAR = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<op>:?[-+?])(?P<word>(?:[^{}]|\{[^{}]*\})*))?\})",
)


def env_file(path: str) -> Read[dict[str, str] | None]:
    """The variables of the file, or nothing if there is none."""
    asked = read(path)
    return Read(asked.ask, parse_env_answer, answers=asked.answers)


def parse_env_answer(result: Result) -> dict[str, str] | None:
    """Given the answer of `files.read`, return the variables."""
    return None if result.code == MISSING else parse_env(result.out)


def parse_env(text: str) -> dict[str, str]:
    """Given the text of a `.env`, return its variables; raise CommandFailed at a line that Compose would refuse."""
    found: dict[str, str] = {}
    rest = text.replace("\r\n", "\n").removeprefix("\ufeff").lstrip()
    while rest:
        if rest.startswith("#"):
            rest = rest.partition("\n")[2].lstrip()
            continue
        name = START.match(rest)
        if not name:
            raise CommandFailed(f"line {_line(text, rest)} of the env file is no assignment")
        rest = rest[name.end() :]
        if name[2]:
            found[name[1]], rest = _value(rest, found, text)
        rest = rest.lstrip()
    return found


def rough(text: str) -> dict[str, str]:
    """Given the text of a `.env`, right or wrong, return what its lines may mean; good enough to hide the values."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.removeprefix("export ").strip(): value.strip().strip("'\"") for name, _, value in pairs}


def expanded(value: str, known: Mapping[str, str]) -> str:
    """Given a text with `$NAME`, `${NAME:-default}` and their kin, return it with the variables filled in."""
    return DOLLAR.sub(lambda match: _expand(match, known), value)


def _value(rest: str, known: Mapping[str, str], text: str) -> tuple[str, str]:
    if rest[:1] not in QUOTED:
        line, _, after = rest.partition("\n")
        return expanded(line.partition(" #")[0].rstrip(), known), after
    quoted = QUOTED[rest[0]].match(rest)
    if not quoted:
        raise CommandFailed(f"line {_line(text, rest)} of the env file opens a quote that nothing closes")
    inner = quoted[1].replace(f"\\{rest[0]}", rest[0])
    if rest[0] == '"':
        inner = expanded(ESCAPE.sub(lambda match: MEANT[match[1]], inner), known)
    return inner, rest[quoted.end() :]


def _expand(match: re.Match[str], known: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    value, op = known.get(match["bare"] or match["braced"]), match["op"] or ""
    there = value is not None and not (op.startswith(":") and value == "")
    if op.endswith("+"):
        return expanded(match["word"], known) if there else ""
    if op.endswith("-") and not there:
        return expanded(match["word"], known)
    return value or ""


def _line(text: str, rest: str) -> int:
    return text.count("\n", 0, len(text) - len(rest)) + 1
