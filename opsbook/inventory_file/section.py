"""One mapping of inventory.yaml: its keys are taken one by one, and every mistake is remembered instead of raised."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opsbook.inventory import nearest

HIGHEST_PORT = 65535
PORT = re.compile(r"[1-9][0-9]{0,4}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Shape:
    """What a text must look like, with the words for the error."""

    words: str
    pattern: re.Pattern[str]


A_NAME = Shape("a name of letters, digits, dots, dashes and underscores", NAME)
LINE = Shape("one line of text without control characters and without a leading dash", re.compile(r"[^-].*"))


@dataclass
class Section:
    """A mapping at a key path; `close` reports the keys that nobody took."""

    path: str
    values: Mapping[str, object]
    problems: list[str]
    environment: Mapping[str, str]
    missing: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def raw(self, key: str) -> object:
        """Take the value as the file has it; None when the key is absent."""
        self.taken.append(key)
        return self.values.get(key)

    def complain(self, key: str, message: str) -> None:
        """Remember a mistake at that key."""
        self.problems.append(f"{self.at(key)}: {message}")

    def at(self, key: str) -> str:
        """Return the path of that key."""
        return f"{self.path}.{key}" if self.path else key

    def text(self, key: str, shape: Shape = LINE, default: str | None = None) -> str | None:
        """Take a text of that shape, its variables filled in; the default is for an absent key, a variable that is not set gives None."""
        found = self._filled(key)
        if found is not None and (CONTROL.search(found) or not shape.pattern.fullmatch(found)):
            self.complain(key, f"expected {shape.words}, got {self._got(key)}")
        return found if key in self.values else default

    def required(self, key: str, shape: Shape = LINE) -> str:
        """Take a text that must be there."""
        if key not in self.values:
            self.complain(key, f"is missing: {shape.words}")
        return self.text(key, shape) or ""

    def secret(self, key: str) -> str | None:
        """Take a text of any shape and never show it; a variable that is not set makes it absent."""
        value = self.raw(key)
        if value is not None and not isinstance(value, str):
            self.complain(key, "expected a text")
            return None
        if not value or any(not self.environment.get(name) for name in VARIABLE.findall(value)):
            return None
        return self._fill(value)

    def number(self, key: str, default: float, lowest: float = 0) -> float:
        """Take a number of seconds above `lowest`."""
        found = self._filled(key)
        if found is None:
            return default
        number = _number(found)
        if number is None or number <= lowest:
            self.complain(key, f"expected a number above {lowest:g}, got {self._got(key)}")
            return default
        return number

    def port(self, key: str) -> int | None:
        """Take a port; None when the key is absent or wrong."""
        found = self._filled(key)
        if found is None:
            return None
        if not PORT.fullmatch(found) or int(found) > HIGHEST_PORT:
            self.complain(key, f"expected a port from 1 to {HIGHEST_PORT}, got {self._got(key)}")
            return None
        return int(found)

    def flag(self, key: str) -> bool:
        """Take true or false; absent is false."""
        found = self.raw(key)
        if found not in (None, "true", "false"):
            self.complain(key, f"expected true or false, got {_shown(found)}")
        return found == "true"

    def texts(self, key: str, shape: Shape) -> tuple[str, ...]:
        """Take a list of different texts of that shape."""
        found = self.raw(key)
        if found is None:
            return ()
        if not isinstance(found, list):
            self.complain(key, f"expected a list, got {_shown(found)}")
            return ()
        items = Section(self.at(key), {str(i): item for i, item in enumerate(found)}, self.problems, self.environment, self.missing)
        taken = [items.required(name, shape) for name in items.values]
        if len(set(taken)) < len(taken):
            self.complain(key, "names one thing twice")
        return tuple(taken)

    def sections(self, key: str, shape: Shape = A_NAME) -> Iterator[tuple[str, Section]]:
        """Take a mapping of names to mappings; yield name and section, and close each section afterwards."""
        whole = self.section(key)
        for name in whole.values:
            if not shape.pattern.fullmatch(name):
                whole.complain(_shown(name), f"expected {shape.words}")
                continue
            inner = whole.section(name)
            yield name, inner
            inner.close()
            self.missing.extend(inner.missing)

    def section(self, key: str) -> Section:
        """Take a mapping; an empty one when it is absent or wrong."""
        found = self.raw(key)
        if found is not None and not isinstance(found, dict):
            self.complain(key, f"expected a mapping, got {_shown(found)}")
        return Section(self.at(key), found if isinstance(found, dict) else {}, self.problems, self.environment)

    def close(self) -> None:
        """Complain about every key that was not taken, naming the nearest one that is known."""
        for key in self.values:
            if key not in self.taken:
                self.problems.append(f'{self.path or "the file"}: unknown key {_shown(key)}: {nearest(key, self.taken)}')

    def _filled(self, key: str) -> str | None:
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.complain(key, f"expected a text, got {_shown(value)}")
            return None
        unset = [name for name in VARIABLE.findall(value) if not self.environment.get(name)]
        self.missing.extend(unset)
        return None if unset else self._fill(value)

    def _got(self, key: str) -> str:
        value = self.values[key]
        names = VARIABLE.findall(value) if isinstance(value, str) else []
        return f"what {' and '.join(names)} holds" if names else _shown(value)     # a variable's value may be a secret

    def _fill(self, value: str) -> str:
        return VARIABLE.sub(lambda match: self.environment[match[1]], value)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    if isinstance(value, str):
        return ascii(value[:60]).replace("'", '"') if value else "nothing"
    return {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), "something else")
