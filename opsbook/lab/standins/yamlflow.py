"""YAML values that stand on one line: plain and quoted scalars, and flow collections."""

from __future__ import annotations

import json
import re

Value = object
BRACKETS = frozenset("[{")
FLOW = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[\[\]{},]|:(?=\s|$)|(?:[^\[\]{},:]|:(?!\s|$))+)""")
WORDS: dict[str, Value] = {"": None, "~": None, "null": None, "true": True, "false": False}


class YamlError(ValueError):
    """The text is not YAML that we read; the message names the line."""


def scalar(text: str, number: int) -> Value:
    """Given the text of one value, return it."""
    if text[0] in "|>&*!":
        raise YamlError(f"yaml: line {number}: the stand-in does not read {text[0]!r}")
    if text[0] not in "[{":
        return plain(text)
    tokens = FLOW.findall(text)
    value = _flow(tokens, number)
    if tokens:
        raise YamlError(f"yaml: line {number}: did not find expected ',' or closing bracket")
    return value


def _flow(tokens: list[str], number: int) -> Value:
    try:
        first = tokens.pop(0).strip()
        if first not in BRACKETS:
            return plain(first)
        return _flow_list(tokens, number) if first == "[" else _flow_map(tokens, number)
    except IndexError:
        raise YamlError(f"yaml: line {number}: did not find expected ',' or closing bracket") from None


def _flow_list(tokens: list[str], number: int) -> Value:
    items: list[Value] = []
    while tokens[0] != "]":
        items.append(_flow(tokens, number))
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    return items


def _flow_map(tokens: list[str], number: int) -> Value:
    found: dict[str, Value] = {}
    while tokens[0] != "}":
        key = str(plain(tokens.pop(0).strip()))
        found[key] = _flow_value(tokens, number)
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    return found


def _flow_value(tokens: list[str], number: int) -> Value:
    """Return what follows a key: nothing at all, or nothing behind its colon, is null."""
    if tokens[0] == ":":
        tokens.pop(0)
    return None if tokens[0] in {",", "}"} else _flow(tokens, number)


def plain(text: str) -> Value:
    if text[:1] == '"':
        return json.loads(text)
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text in WORDS:
        return WORDS[text]
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[-+]?\d+\.\d*", text) else text
