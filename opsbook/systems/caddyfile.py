"""A Caddyfile's text: where in it the users of basic auth stand, whichever word it has for that, and with one hash replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

WORDS = frozenset({"basicauth", "basic_auth"})      # the first until 2.7, both from 2.8 on
FROM_ENVIRONMENT = re.compile(r"\{(?:\$|env\.)([A-Za-z_]\w*)(?::([^}]*))?\}")
BARE, QUOTED, TICKED = re.compile(r"[^\s]+"), re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), re.compile(r"`([^`]*)`")
BLANKS, COMMENT, CONTINUED = re.compile(r"[^\S\n]+"), re.compile(r"#[^\n]*"), re.compile(r"\\\r?\n")


@dataclass(frozen=True)
class Token:
    """A word: what it says, where it stands, and in which line."""

    text: str
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Login:
    """A user of a basic auth block: its name and its hash as the file has them."""

    word: str       # basicauth or basic_auth
    user: Token
    hash: Token

    @property
    def variable(self) -> str | None:
        """Return the environment variable that the hash comes from, or nothing where it is written out."""
        found = FROM_ENVIRONMENT.fullmatch(self.hash.text)
        return found[1] if found else None


def logins(text: str) -> tuple[Login, ...]:
    """Given a Caddyfile, return the users of all its basic auth blocks, in snippets, too."""
    return tuple(_logins(_lines(text)))


def resolved(token: Token, environment: Mapping[str, str]) -> str:
    """Return what a word means in that environment."""
    return filled(token.text, environment)


def filled(text: str, environment: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; one that is not set is empty."""
    return FROM_ENVIRONMENT.sub(lambda found: environment.get(found[1]) or found[2] or "", text)


def with_hashes(text: str, new: Mapping[int, str]) -> str:
    """Return the text with new hashes for these of its logins, by their place in `logins`; everything else stays byte for byte."""
    at, parts = 0, list[str]()
    for place, login in enumerate(logins(text)):
        if place in new:
            written = text[login.hash.start : login.hash.end]
            parts += [text[at : login.hash.start], written.replace(login.hash.text, new[place])]
            at = login.hash.end
    return "".join([*parts, text[at:]])


def _logins(lines: list[list[Token]]) -> Iterator[Login]:
    inside = ""
    for line in lines:
        first = line[0].text
        if inside:
            if first == "}":
                inside = ""
            elif len(line) > 1:
                yield Login(inside, line[0], line[1])
        elif first in WORDS and line[-1].text == "{":
            inside = first


def _lines(text: str) -> list[list[Token]]:
    found: dict[int, list[Token]] = {}
    for token in _tokens(text):
        found.setdefault(token.line, []).append(token)
    return list(found.values())


def _tokens(text: str) -> Iterator[Token]:
    """Yield the words as Caddy's own lexer cuts them; quotes only count where a word begins."""
    at, line = 0, 1
    while at < len(text):
        if text[at] == "\n":
            at, line = at + 1, line + 1
        elif skipped := BLANKS.match(text, at) or CONTINUED.match(text, at) or COMMENT.match(text, at):
            at = skipped.end()      # a line that goes on counts as one
        else:
            word = _word(text, at)
            yield Token(word[1] if word.re is not BARE else word[0], at, word.end(), line)
            line += word[0].count("\n")
            at = word.end()


def _word(text: str, at: int) -> re.Match[str]:
    pattern = {'"': QUOTED, "`": TICKED}.get(text[at], BARE)
    found = pattern.match(text, at) or BARE.match(text, at)
    assert found is not None    # noqa: S101  there is no blank here
    return found
