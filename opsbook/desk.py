"""The operator at the terminal: confirmations, manual steps, `--step`. Without a terminal a missing answer is an error."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

from opsbook.errors import Declined, NobodyToAsk, Refused
from opsbook.folding import folded
from opsbook.stop import Stop

YES, ANSWERS = frozenset({"y", "yes"}), frozenset({"y", "yes", "n", "no", ""})
STDERR = 2
GLANCE = 0.2        # seconds between two looks for a signal while the operator thinks
AGREEMENT, WITHOUT_TERMINAL = "somebody has to agree", ", and there is no terminal to ask on"
Choice = Literal["run", "skip", "quit", "show"]


def flags(names: Iterable[str], risk: str) -> str:
    """Return what agrees beforehand to a change of that risk on these hosts."""
    return "--yes" if risk == "mild" else " ".join(f"--confirm={name}" for name in names)


@dataclass(frozen=True)
class Asking:
    """One host that stands before its first write."""

    host: str
    address: str
    change: str
    by_hand: bool = False       # what comes first is a question of the runbook to the operator


@dataclass(frozen=True)
class Staying:
    """One host that has looked and needs no change, or cannot have one."""

    host: str
    why: str


@dataclass(frozen=True)
class Desk:
    """Asks the operator; `line` reads one answer, `calm` keeps the screen still meanwhile."""

    stop: Stop
    yes: bool = False
    confirm: tuple[str, ...] = ()
    terminal: bool = True
    line: Callable[[str], str] = input
    hidden: Callable[[str], str] = input        # the same for what must not be seen
    lab: str | None = None
    calm: Callable[[], AbstractContextManager[None]] = nullcontext

    def agreed(self, names: tuple[str, ...], risk: str) -> bool:
        """Return whether the operator agreed beforehand to changes on all these hosts."""
        return (risk == "mild" and self.yes) or (risk == "severe" and set(names) <= set(self.confirm))

    def allow(
        self,
        askings: tuple[Asking, ...],
        names: tuple[str, ...],
        runbook: str,
        risk: str,
        risk_text: str,
        staying: tuple[Staying, ...] = (),
    ) -> None:
        """Return when the operator agrees to the first write on all hosts of the run but those that stay; raise Declined or Refused."""
        left = {one.host for one in staying}
        names = tuple(name for name in names if name not in left)
        if self.agreed(names, risk):
            return
        if not self.terminal:
            raise NobodyToAsk(f"{AGREEMENT}{WITHOUT_TERMINAL}", next=f"give {flags(names, risk)}")
        with self.calm():
            self._show(askings, staying, names, runbook)
            self._print(f"risk: {risk}{': ' if risk_text else ''}{risk_text}")
            self._hear_yes(names, risk)

    def _show(self, askings: tuple[Asking, ...], staying: tuple[Staying, ...], names: tuple[str, ...], runbook: str) -> None:
        if len(askings) + len(staying) > 1:
            self._print(f"{runbook} is about to change {len(askings)} of {len(askings) + len(staying)} hosts{self._lab()}")
            for line in _table(askings, staying):
                self._print(f"  {line}")
        else:
            for asking in askings:
                self._print(f"{runbook} is about to {asking.change}\n  on {asking.host} ({asking.address}){self._lab()}")
        if later := [name for name in names if name not in {asking.host for asking in askings}]:
            self._print(f"and the same, where it is needed, on: {', '.join(later)}")

    def _hear_yes(self, names: tuple[str, ...], risk: str) -> None:
        wanted = "y" if risk == "mild" else ",".join(names)
        question = "go on? [y/N] " if risk == "mild" else f"type {wanted} to go on: "
        given = self._ask(question)
        if risk == "mild" and given.lower() not in ANSWERS:
            given = self._ask(f'"{given}" is no answer; y or n? ')
        if given != wanted and not (risk == "mild" and given.lower() in YES):
            if risk == "mild":
                raise Declined("declined by the operator")
            saw = f'what was typed is not "{wanted}"'     # and is not repeated: a password may have slipped in
            raise Declined("declined by the operator", saw=saw, next=f"run it again, and type {wanted}")

    def manual(self, host: str, question: str) -> None:
        """Ask the operator about a step done by hand; raise Declined on anything but yes. `--yes` is no answer to this."""
        self._need_terminal("a terminal (a step is done by hand)")
        if self._ask(f"{host}: {question} [y/N] ").lower() not in YES:
            raise Declined("declined by the operator", host=host)

    def step(self, host: str, title: str, *, may_skip: bool) -> tuple[Choice, str]:
        """Ask before a step; return the choice, and the reason when it is skipped."""
        self._need_terminal("a terminal (--step asks before each step)")
        skip = ", s skip" if may_skip else ""
        while True:
            given = self._ask(f"{host}: next: {title}  [Enter run, c commands{skip}, q quit] ").lower()
            if given in {"", "r", "y"}:
                return "run", ""
            if given == "c":
                return "show", ""
            if given == "q":
                return "quit", ""
            if given == "s" and may_skip:
                reason = self._ask("why? ")
                if reason:
                    return "skip", reason

    def secret(self, what: str, flag: str) -> str:
        """Ask for a secret twice, until both are the same; `flag` is what else would have told it."""
        self._need_terminal(flag, f"{what} is missing")
        while True:
            given = self._ask(f"{what}: ", self.hidden)
            if given and given == self._ask(f"{what}, again: ", self.hidden):
                return given
            self._print("those two are not the same" if given else "nothing was typed")

    def show_once(self, what: str, secret: str) -> None:
        """Show a secret on the terminal of standard error, past everything that hides, keeps or draws; raise Refused without one."""
        if not shows_on_terminal():
            raise Refused(f"{what} cannot be shown: standard error is no terminal", next="give --to FILE or --to '!COMMAND'")
        with self.calm():
            os.write(STDERR, f"\n{what} (shown this once):\n\n    {secret}\n\n".encode())

    def _lab(self) -> str:
        return f"  [LAB {self.lab}]" if self.lab else ""

    def _need_terminal(self, flag: str, what: str = AGREEMENT) -> None:
        if not self.terminal:
            raise Refused(f"{what}{WITHOUT_TERMINAL}", next=f"give {flag}")

    def _ask(self, question: str, line: Callable[[str], str] | None = None) -> str:
        self.stop.check()       # one no to the run is enough, however many hosts have a question
        with self.calm(), self.stop.prompting():
            try:
                return line(folded(question)) if line else self._heard(folded(question))      # a secret may begin with a blank
            except EOFError:
                raise Declined("the terminal closed before an answer came") from None

    def _heard(self, question: str) -> str:
        try:
            return self.line(question).strip()
        except (EOFError, KeyboardInterrupt):
            self._print("")     # what is said now shall not stand behind the question
            raise

    @staticmethod
    def _print(text: str) -> None:
        print(folded(text), file=sys.stderr, flush=True)  # noqa: T201


def _table(askings: tuple[Asking, ...], staying: tuple[Staying, ...]) -> Iterator[str]:
    rows = [(one.host, one.address, one.change) for one in askings] + [(one.host, "stays as it is", one.why) for one in staying]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    yield from (f"{host:<{first}}  {where:<{second}}  {' '.join(what.split())}" for host, where, what in rows)


def ask_on_stderr(question: str) -> str:
    """Print the question on standard error, where talk belongs, and read one line from the terminal."""
    sys.stderr.write(question)
    sys.stderr.flush()
    while not select.select([sys.stdin], [], [], GLANCE)[0]:
        pass    # a signal that came just before a blocking read would be heard only after it
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def ask_unseen(question: str) -> str:
    """Do the same while the terminal shows nothing of what is typed."""
    with _no_echo(sys.stdin.fileno()):
        return ask_on_stderr(question).rstrip("\n")


def shows_on_terminal() -> bool:
    """Return whether somebody sees what is written on standard error."""
    return os.isatty(STDERR)


@contextmanager
def _no_echo(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        sys.stderr.write("\n")
        sys.stderr.flush()
