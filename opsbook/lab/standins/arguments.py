"""Command lines in the two manners of the real programs: kingpin's (Thanos) and Go's own (Loki, Promtail)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class UsageError(ValueError):
    """The command line is not one that the real program takes."""


@dataclass(frozen=True)
class Flags:
    """What was said: every flag with all its values, and the words between them."""

    values: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...] = field(default=())

    def one(self, name: str) -> str:
        """Return the last value given, which is the one that counts."""
        return self.values[name][-1]

    def on(self, name: str) -> bool:
        return self.one(name) == "true"


def kingpin(args: Sequence[str], known: Mapping[str, str], switches: frozenset[str]) -> Flags:
    """Read `--name=value`, `--name value`, `--switch` and `--no-switch`."""
    found: dict[str, list[str]] = {}
    words: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if not arg.startswith("-"):
            words.append(arg)
            continue
        name, equals, value = arg.removeprefix("--").partition("=")
        positive = name.removeprefix("no-")
        if not arg.startswith("--"):
            raise UsageError(f"unknown short flag '{arg}'")
        if name in switches or positive in switches:
            found[positive] = ["true" if name == positive else "false"]
        elif name not in known:
            raise UsageError(f"unknown long flag '--{name}'")
        elif not equals and not rest:
            raise UsageError(f"expected argument for flag '--{name}'")
        else:
            found.setdefault(name, []).append(value if equals else rest.pop(0))
    return _with_defaults(found, known, switches, words)


def goflag(args: Sequence[str], known: Mapping[str, str], switches: frozenset[str]) -> Flags:
    """Read `-name=value`, `-name value` and `-switch`, with one dash or two."""
    found: dict[str, list[str]] = {}
    rest = list(args)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if name in switches:
            found[name] = [value if equals else "true"]
        elif name not in known:
            raise UsageError(f"flag provided but not defined: -{name}")
        elif not equals and not rest:
            raise UsageError(f"flag needs an argument: -{name}")
        else:
            found[name] = [value if equals else rest.pop(0)]
    return _with_defaults(found, known, switches, rest)


def _with_defaults(
    found: Mapping[str, Sequence[str]], known: Mapping[str, str], switches: frozenset[str], words: Sequence[str]
) -> Flags:
    values = {name: (default,) for name, default in known.items()} | dict.fromkeys(switches, ("false",))
    return Flags(values | {name: tuple(given) for name, given in found.items()}, tuple(words))
