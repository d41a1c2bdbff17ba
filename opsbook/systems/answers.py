"""The plainest parsers: an answer as text, as yes or no, as nothing at all."""

from __future__ import annotations

from opsbook.host import Result

MISSING = 44    # exit code of our scripts for "there is no such file"


def text(result: Result) -> str:
    """Return the output as it came."""
    return result.out


def whole(result: Result) -> Result:
    """Return the answer itself, for whoever wants its code, too."""
    return result


def stripped(result: Result) -> str:
    """Return the output without the white space around it."""
    return result.out.strip()


def text_or_none(result: Result) -> str | None:
    """Return the output, or nothing if the script said that there is no such file."""
    return None if result.code == MISSING else result.out


def nothing(_: Result) -> None:
    """Return nothing: that the command ended well is the answer."""


def is_good(result: Result) -> bool:
    """Return whether the answer is exit code 0 or status 200."""
    return result.code in {0, 200}
