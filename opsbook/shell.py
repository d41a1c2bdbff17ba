"""Commands as values: every argument quoted by construction, every secret masked when shown.

No function of opsbook takes a shell line. A remote command is built with `cmd`, joined with `pipe` or `both`, and becomes text in
one place, `Command.line`. The constant scripts of this package go through `script`, and their values arrive as `$1…`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

HIDDEN = "***"


@dataclass(frozen=True, repr=False)
class Secret:
    """A text that is never shown. It protects screen and journal, not the host's `ps`: hand it over by standard input."""

    value: str

    def __repr__(self) -> str:
        return HIDDEN


@dataclass(frozen=True)
class Joined:
    """Several commands as one argument of a shell, with the operator between them."""

    commands: tuple[Command, ...]
    operator: str


Word = str | Secret | Joined


@dataclass(frozen=True, repr=False)
class Command:
    """One program and its arguments."""

    words: tuple[Word, ...]
    shown: str = field(default="", compare=False)   # what people see instead, where the words would tell them nothing

    def line(self) -> str:
        """Return the line for the host, with the secrets in it."""
        return " ".join(shlex.quote(_plain(word)) for word in self.words)

    def __str__(self) -> str:
        """Return the line for people: secrets hidden, joined commands and our scripts without their wrapping."""
        words = self.words
        if self.shown:
            return self.shown
        for at in range(len(words)):
            if words[at : at + 2] == SCRIPT and words[at + 3 : at + 4] == (NAME,):
                words = (*words[:at], *words[at + 4 :])     # what a script of ours does is told by its title
                break
        if words and isinstance(words[-1], Joined):
            words = (*words[: -len(SHELL) - 1], words[-1])
        return " ".join(map(_shown, words)) or "(script)"

    def __repr__(self) -> str:
        return f"Command({self})"

    def secrets(self) -> Iterator[str]:
        """Yield every secret value in the command."""
        for word in self.words:
            if isinstance(word, Secret):
                yield word.value
            elif isinstance(word, Joined):
                for command in word.commands:
                    yield from command.secrets()


SCRIPT, NAME = ("bash", "-c"), "opsbook"
SHELL = ("bash", "-o", "pipefail", "-c")   # dash would hide the failure of a pipe's left side


def cmd(*words: str | int | Secret | None) -> Command:
    """Given a program and its arguments, return the command; `None` vanishes, numbers become text."""
    kept = tuple(word if isinstance(word, Secret) else str(word) for word in words if word is not None)
    if not kept:
        raise ValueError("a command needs a program")
    return Command(kept)


def pipe(*commands: Command) -> Command:
    """Return the commands as one pipe that fails when any part fails."""
    return Command((*SHELL, Joined(commands, " | ")))


def both(*commands: Command) -> Command:
    """Return the commands as one that runs each while the one before succeeded."""
    return Command((*SHELL, Joined(commands, " && ")))


def script(text: str, *values: str | int | Secret) -> Command:
    """Given a constant bash script of this package, return it as a command; its values arrive as `$1…`."""
    return cmd(*SCRIPT, text, NAME, *values)


def prefixed(command: Command, *words: str | int) -> Command:
    """Return the command run by another program, such as `timeout 30 …`."""
    return Command((*(str(word) for word in words), *command.words))


def as_root(command: Command) -> Command:
    """Return the command under `sudo -n`, which fails instead of asking for a password."""
    return prefixed(command, "sudo", "-n")


def _plain(word: Word) -> str:
    if isinstance(word, Secret):
        return word.value
    if isinstance(word, Joined):
        return word.operator.join(command.line() for command in word.commands)
    return word


def _shown(word: Word) -> str:
    if isinstance(word, Secret):
        return HIDDEN
    if isinstance(word, Joined):
        return _show_joined(word)
    return shlex.quote(word) if "\n" not in word else "'(script)'"


def _show_joined(joined: Joined) -> str:
    return joined.operator.join(str(command) for command in joined.commands)
