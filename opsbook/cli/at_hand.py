"""The operator's side of a run's secrets: where they come from, and where a new one goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from opsbook.cli import handing_over, obtaining
from opsbook.desk import Desk, shows_on_terminal
from opsbook.errors import Refused
from opsbook.runner.main_thread import MainThread
from opsbook.shell import Secret
from opsbook.typed_path import typed_path


@dataclass
class AtHand:
    """What the operator types or has in files, once for all hosts of a run; the main thread asks, for it owns the terminal."""

    desk: Desk
    main: MainThread
    _given: dict[tuple[str, str], Secret] = field(default_factory=dict)
    _claimed: dict[Path, object] = field(default_factory=dict)      # which secret of this run a file is for

    def obtain(self, what: str, source: str) -> Secret:
        """Return the secret from `prompt`, `-`, `generate` or a file; raise Refused when it cannot be had there."""
        if source == "generate":
            return obtaining.generated()
        return self.main.do(lambda: self._once(what, source))

    def may_hand_over(self, what: str, to: str, secret: Secret | None) -> None:
        """Return when it can be handed over there; raise Refused else."""
        if to.startswith("!"):
            handing_over.words(to)
        elif to != "terminal":
            handing_over.look_at_file(what, to, secret)
            self._claim(what, to, secret)
        elif not shows_on_terminal():
            raise Refused(f"{what} cannot be shown: standard error is no terminal", next="give --to FILE or --to '!COMMAND'")

    def hand_over(self, what: str, secret: Secret, to: str) -> None:
        """Hand it over; raise Refused or CommandFailed when that failed."""
        if to.startswith("!"):
            handing_over.to_command(what, secret, to)
        elif to == "terminal":
            self.main.do(lambda: self.desk.show_once(what, secret.value))
        else:
            handing_over.to_file(what, secret, to)

    def _claim(self, what: str, to: str, secret: Secret | None) -> None:
        """Return when the file is for this secret alone; raise Refused when another host's goes there."""
        mine: object = secret or object()
        if self._claimed.setdefault(typed_path(to).resolve(), mine) != mine:
            again = "run it on one host after another, each with a --to of its own"
            raise Refused(f"{to} is for {what} of another host of this run", next=again)

    def _once(self, what: str, source: str) -> Secret:
        """Return what was given before, else ask; called in the main thread alone."""
        if (what, source) not in self._given:
            self._given[what, source] = self._asked(what, source)
        return self._given[what, source]

    def _asked(self, what: str, source: str) -> Secret:
        if source == "prompt":
            return obtaining.checked(what, self.desk.secret(what, f"a file that has {what} in its first line, or - for standard input"))
        return obtaining.from_stdin(what) if source == "-" else obtaining.from_file(what, source)
