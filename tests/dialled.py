"""What a made-up host answers when another one dials it."""

from __future__ import annotations

from collections.abc import Callable

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.reach import DIAL

ANSWERS, SILENT = Result(0), Result(124)
REFUSED, NO_ROUTE = Result(1, "", "dial: connect: Connection refused"), Result(1, "", "dial: connect: Network is unreachable")


def is_dialling(command: Command) -> bool:
    return command.words[2:3] == (DIAL,)


def dialled(command: Command, behaves: Callable[[str, int], Result]) -> Result:
    """Answer as bash would, with what each address and port does; its code and its words."""
    words = [str(word) for word in command.words[5:]]
    ends = (behaves(address, int(port)) for address, port in zip(words[::2], words[1::2], strict=True))
    return Result(0, "".join(f"{number} {end.code} {end.err}\n" for number, end in enumerate(ends)))
