"""Hide secret values wherever text leaves opsbook: screen, journal, JSON, host log, tracebacks."""

from __future__ import annotations

import base64
import json
import re
import shlex
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, is_dataclass

from opsbook.shell import HIDDEN

SPEAKS_OF_SECRETS = re.compile(r"PASSWORD|PASSWD|PASSPHRASE|PASS(?![A-Z])|SECRET|TOKEN|KEY|HASH|DSN|WEBHOOK|CREDENTIAL", re.IGNORECASE)
IN_ADDRESS = re.compile(r"://[^/@:\s]*:([^/@\s]+)@")      # scheme://user:password@host
KEY_TEXT = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)(?:-----END|\Z)", re.DOTALL)
KEY_LINE = re.compile(r"[A-Za-z0-9+/=]{8,}")
SHORTEST = 8    # shorter values would blank out ordinary words


def forms(value: str) -> Iterator[str]:
    """Given a secret, yield the ways it may be written: plain, quoted, URL, base64, JSON, Python, YAML."""
    yield value
    yield shlex.quote(value).strip("'")
    yield value.replace("$", "$$")      # as Compose prints it
    yield value.replace("'", "''")      # as YAML quotes it
    yield from (repr(value)[1:-1], ascii(value)[1:-1])
    yield from _in_json(value)
    yield from _in_addresses(value)
    yield from _in_base64(value.encode(errors="surrogateescape"))


def _in_json(value: str) -> Iterator[str]:
    for text in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield text
        yield text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")      # as Go writes it
        yield json.dumps(text, ensure_ascii=False)[1:-1]    # a log line in a log line


def _in_addresses(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogateescape")
    for text in (urllib.parse.quote(raw, safe=""), urllib.parse.quote(raw), urllib.parse.quote_plus(raw)):
        yield text
        yield re.sub("%..", lambda code: code[0].lower(), text)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield the whole, and what base64 makes of it inside of something longer, such as `user:password`: that has three alignments."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode()
        for before in range(3):
            inner = encode(bytes(before) + raw).decode()[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
            if len(inner) >= SHORTEST:
                yield inner


def env_secrets(values: Mapping[str, str]) -> list[str]:
    """Given the variables of a `.env`, return the secrets in it that are long enough to be one.

    They are what a key speaks of, the password in an address, and the text of a private key.
    """
    named = [value for key, value in values.items() if SPEAKS_OF_SECRETS.search(key)]
    inside = [found for value in values.values() for found in (*IN_ADDRESS.findall(value), *key_lines(value))]
    return [value for value in (*named, *inside) if len(value) >= SHORTEST]


def key_lines(text: str) -> list[str]:
    """Given a text that may hold private keys, also with their line breaks lost, return the lines that are secret."""
    broken = text.replace("\\r", "").replace("\\n", "\n")
    return [line for body in KEY_TEXT.findall(broken) for line in KEY_LINE.findall(body)]


def _lines(secret: str) -> list[str]:
    lines = [line.strip() for line in secret.splitlines()]
    return [line for line in lines if len(line) >= SHORTEST and "-----" not in line]


class Mask:
    """The secrets known so far; it grows while a run learns more of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these values from now on, in all their forms; of a text with several lines also each that is long enough."""
        parts = {part for secret in secrets if secret for part in (secret, *_lines(secret))}
        new = {form for part in parts for form in forms(part)} - self._known
        if new:
            self._known |= new
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        """Return the text with every known secret hidden."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def deep(self, value: object) -> object:
        """Return a JSON-like value with every known secret hidden in its texts, keys included."""
        if isinstance(value, str):
            return self(value)
        if is_dataclass(value) and not isinstance(value, type):
            return self.deep(asdict(value))
        if isinstance(value, Mapping):
            return {self(str(key)): self.deep(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.deep(item) for item in value]
        return value
