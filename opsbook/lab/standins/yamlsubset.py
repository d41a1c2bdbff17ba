"""Read the YAML that configuration files are written in, without a library: the images have none.

Mappings, sequences, quoted and plain scalars, one-line flow collections and comments. Anything else is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .yamlflow import Value, YamlError, plain, scalar

KEY = re.compile(r"""("[^"]*"|'[^']*'|[^\s"'\[\]{}#&*!|>%@`-][^#]*?|-[^\s][^#]*?)\s*:(?:\s+(.*)|)$""")
COMMENT = re.compile(r"""^((?:[^"'#]|"(?:\\.|[^"\\])*"|'[^']*'|(?<=\S)#|(?<=\w)['"])*?)(?:(?:^|\s)\s*#.*)?$""")


@dataclass(frozen=True)
class Line:
    number: int
    indent: int
    text: str

    @property
    def is_item(self) -> bool:
        return self.text == "-" or self.text.startswith("- ")


def parse(text: str) -> Value:
    """Given YAML, return its value. Raise YamlError where it is broken or beyond us."""
    lines = [line for number, raw in enumerate(text.splitlines(), 1) if (line := _line(number, raw))]
    if not lines:
        return None
    reader = _Reader(lines)
    value = reader.block(lines[0].indent)
    if reader.lines:
        raise YamlError(f"yaml: line {reader.lines[0].number}: did not find expected key")
    return value


def _line(number: int, raw: str) -> Line | None:
    body = raw.lstrip(" ")
    if body.startswith("\t"):
        raise YamlError(f"yaml: line {number}: found character that cannot start any token")
    match = COMMENT.match(body)
    text = (match.group(1) if match else body).rstrip()
    return Line(number, len(raw) - len(body), text) if text and text != "---" else None


class _Reader:
    """Takes lines from the front of a list, one block after the other."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def block(self, indent: int) -> Value:
        first = self.lines[0]
        if first.is_item:
            return self.sequence(indent)
        return self.mapping(indent) if KEY.match(first.text) else self.single()

    def sequence(self, indent: int) -> Value:
        items: list[Value] = []
        while self.lines and self.lines[0].indent == indent and self.lines[0].is_item:
            line = self.lines.pop(0)
            rest = line.text[1:].lstrip()
            if rest:
                inner = indent + len(line.text) - len(rest)
                self.lines.insert(0, Line(line.number, inner, rest))
                items.append(self.block(inner))
            else:
                items.append(self.below(indent))
        return items

    def mapping(self, indent: int) -> Value:
        found: dict[str, Value] = {}
        while self.lines and self.lines[0].indent == indent and not self.lines[0].is_item:
            line = self.lines.pop(0)
            match = KEY.match(line.text)
            if not match:
                raise YamlError(f"yaml: line {line.number}: could not find expected ':'")
            rest = match.group(2)
            found[str(plain(match.group(1)))] = scalar(rest, line.number) if rest else self.value(indent)
        return found

    def value(self, indent: int) -> Value:
        """A key's value on the lines below it; a sequence may stand at the key's own indent."""
        if self.lines and self.lines[0].indent == indent and self.lines[0].is_item:
            return self.sequence(indent)
        return self.below(indent)

    def below(self, indent: int) -> Value:
        return self.block(self.lines[0].indent) if self.lines and self.lines[0].indent > indent else None

    def single(self) -> Value:
        line = self.lines.pop(0)
        return scalar(line.text, line.number)
