"""LogQL without its arithmetic: a stream selector and line filters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

MATCHER = re.compile(r'\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:\\.|[^"\\])*"|`[^`]*`)\s*(,|(?=\}))')
FILTER = re.compile(r'\s*(\|=|\|~|!=|!~)\s*("(?:\\.|[^"\\])*"|`[^`]*`)')


class QueryError(ValueError):
    """Not a query, or one that the stand-in does not compute."""


@dataclass(frozen=True)
class Test:
    """One comparison: of a label's value, or of a line."""

    operator: str
    text: str
    label: str = ""

    def holds(self, value: str) -> bool:
        if self.label:
            found = value == self.text if self.operator in {"=", "!="} else bool(re.fullmatch(self.text, value))
        else:
            found = self.text in value if self.operator in {"|=", "!="} else bool(re.search(self.text, value))
        return found != self.operator.startswith("!")


@dataclass(frozen=True)
class Query:
    matchers: tuple[Test, ...]
    filters: tuple[Test, ...]

    def wants(self, stream: Mapping[str, str]) -> bool:
        return all(test.holds(stream.get(test.label, "")) for test in self.matchers)

    def keeps(self, line: str) -> bool:
        return all(test.holds(line) for test in self.filters)


def parse_query(text: str) -> Query:
    """Given LogQL, return the query. Raise QueryError with Loki's words for what it does not take."""
    rest = text.strip()
    if not rest.startswith("{"):
        raise QueryError("parse error : the stand-in computes stream selectors and line filters only")
    matchers, rest = _taken(MATCHER, rest[1:])
    if not rest.startswith("}"):
        raise QueryError("parse error : syntax error: unexpected character inside braces")
    filters, rest = _taken(FILTER, rest[1:])
    if rest.strip():
        raise QueryError(f"parse error : the stand-in does not know {rest.strip()[:20]!r}")
    tests = tuple(Test(operator, _unquoted(value), label) for label, operator, value, _ in matchers)
    if not any(test.holds("") is False for test in tests):
        raise QueryError("parse error : queries require at least one matcher that does not match the empty string")
    return Query(tests, tuple(Test(operator, _unquoted(value)) for operator, value in filters))


def _taken(pattern: re.Pattern[str], text: str) -> tuple[list[tuple[str, ...]], str]:
    """Match the pattern again and again from the front; return the groups and what is left."""
    found = []
    while match := pattern.match(text):
        found.append(match.groups())
        text = text[match.end() :]
    return found, text


def _unquoted(text: str) -> str:
    return text[1:-1] if text.startswith("`") else str(json.loads(text))
