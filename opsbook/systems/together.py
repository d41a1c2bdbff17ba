"""Several small questions in one round trip, side by side on the host: one that hangs holds up none of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opsbook.host import Read, Result
from opsbook.shell import Command, Secret, prefixed, script

GRACE = 5       # seconds for the host to end what takes too long, before we do
NO_ANSWER = Result(1, "no answer", "no answer")
# Standard input: for each question the number of its words, the words, and its own standard input, all ended by NUL.
# Each has a pipe of its own, and they are told one after the other: in one pipe, what is longer than a page runs into the others'.
ASK = """
number=0 answers=()
while IFS= read -r -d '' count; do
    words=()
    for ((at = 0; at < count; at++)); do IFS= read -r -d '' word; words+=("$word"); done
    IFS= read -r -d '' input
    exec {answer}< <(
        said=$(printf '%s' "$input" | "${words[@]}" 2>&1; printf ' %s' "${PIPESTATUS[1]}")
        said=${said//$'\\037'/}
        printf '%s\\036%s\\036%s\\037' "$number" "${said##* }" "${said% *}"
    )
    answers+=("$answer") number=$((number + 1))
done
for answer in "${answers[@]}"; do cat <&"$answer"; done
"""


def together(asked: Sequence[Read[Any]]) -> Read[tuple[Any, ...]]:
    """What each of these questions is answered, in their order; both streams count as its output. No word of theirs may be a secret."""
    text = "".join(_entry(question) for question in asked)
    stdin = Secret(text) if any(isinstance(question.stdin, Secret) for question in asked) else text
    within = max((question.within for question in asked), default=0) + 2 * GRACE
    return Read(script(ASK), lambda result: _parsed(result, asked), stdin=stdin, within=within)


def _entry(question: Read[Any]) -> str:
    words = list(_words(question))
    stdin = question.stdin.value if isinstance(question.stdin, Secret) else question.stdin or ""
    return "".join(f"{part}\0" for part in (len(words), *words, stdin))


def _words(question: Read[Any]) -> Iterator[str]:
    if not isinstance(question.ask, Command):
        raise TypeError("only commands are asked side by side on the host")
    for word in prefixed(question.ask, "timeout", f"--kill-after={GRACE}", f"{question.within:g}").words:
        if not isinstance(word, str):
            raise TypeError("a secret is never an argument, and a pipe is no single command")
        yield word


def _parsed(result: Result, asked: Sequence[Read[Any]]) -> tuple[Any, ...]:
    said = {int(number): Result(int(code), out, out) for number, code, out in _pieces(result.out)}
    return tuple(question.parse(said.get(number, NO_ANSWER)) for number, question in enumerate(asked))


def _pieces(text: str) -> Iterator[list[str]]:
    """Yield number, code and output of each; the output may hold anything but the sign that ends it, which the script takes out."""
    for piece in text.split("\x1f"):
        parts = piece.split("\x1e", 2)
        if len(parts) == 3 and parts[0].isdigit() and parts[1].isdigit():  # noqa: PLR2004
            yield parts
