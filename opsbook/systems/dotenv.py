"""The `.env` of a Compose project, read by Compose's own rules.

Single quotes are literal; double quotes know escapes and `$NAME`; bare values know `$NAME` and end at ` #`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from opsbook.errors import CommandFailed
from opsbook.host import Read, Result
from opsbook.systems.answers import MISSING
from opsbook.systems.assignments import assignments
from opsbook.systems.files import read

ESCAPE = re.compile(r'\\([abfnrtv$"\\])')
MEANT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "$": "$$", '"': '"', "\\": "\\"}
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+")
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
    for one in assignments(text.replace("\r\n", "\n")):
        found[one.name] = meant(one.written, found)
    return found


def replaced(text: str, values: Mapping[str, str]) -> str:
    """Given a `.env` and new values, return it with every assignment of theirs changed and everything else byte for byte; what was
    missing comes at the end. Raise CommandFailed where it cannot be read, ValueError for a value that no quoting can hold."""
    before = written(text)
    return rewritten(text, {name: _quoted(value, before.get(name, "'")) for name, value in values.items()})


def rewritten(text: str, values: Mapping[str, str]) -> str:
    """Do the same with values as they are to be written, quotes included."""
    parts, at = list[str](), 0
    found = [one for one in assignments(text) if one.name in values]
    for one in found:
        parts += [text[at : one.start], values[one.name]]
        at = one.end
    missing = values.keys() - {one.name for one in found}
    tail = text[at:] if not missing or text.endswith("\n") or not text else f"{text[at:]}\n"
    return "".join([*parts, tail, *(f"{name}={value}\n" for name, value in values.items() if name in missing)])


def written(text: str) -> dict[str, str]:
    """Return the values as they are written, quotes included; of a name that is assigned twice the last one."""
    return {one.name: one.written for one in assignments(text)}


def rough(text: str) -> dict[str, str]:
    """Given the text of a `.env`, right or wrong, return what its lines may mean; good enough to hide the values."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.removeprefix("export ").strip(): value.strip().strip("'\"") for name, _, value in pairs}


def expanded(value: str, known: Mapping[str, str]) -> str:
    """Given a text with `$NAME`, `${NAME:-default}` and their kin, return it with the variables filled in."""
    return DOLLAR.sub(lambda match: _expand(match, known), value)


def meant(written: str, known: Mapping[str, str]) -> str:
    """Given a value as it is written, and the variables before it, return what Compose makes of it."""
    if written[:1] not in {"'", '"'}:
        return expanded(written, known)
    inner = written[1:-1].replace(f"\\{written[0]}", written[0])
    return inner if written[0] == "'" else expanded(ESCAPE.sub(lambda match: MEANT[match[1]], inner), known)


def _quoted(value: str, before: str) -> str:
    """Return the value as it is to be written: bare only where it was bare and nothing in it could mean anything else."""
    if before[:1] not in {"'", '"'} and PLAIN.fullmatch(value):
        return value
    in_single = value.replace("'", "\\'")
    in_double = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    for way in (f"'{in_single}'", f'"{in_double}"'):
        if _reads_as(way, value):
            return way
    raise ValueError("a value that no quoting of a .env can hold")


def _reads_as(written: str, value: str) -> bool:
    try:
        return parse_env(f"X={written}\n_=") == {"X": value, "_": ""}
    except CommandFailed:
        return False


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
