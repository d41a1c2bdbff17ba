"""What the kernel's own tables let in, whatever a firewall's settings say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsbook.systems.root_view import Told

FILTER6 = "filter6"                     # what opsbook-look is asked for
INPUT, UFW = "INPUT", "ufw6-"
RULE = re.compile(r"^-A (?P<chain>\S+) (?P<when>.*?)-[jg] (?P<target>\S+)", re.MULTILINE)
HARMLESS = re.compile(r"(?<!! )(?:-i lo |--ctstate (?:RELATED|ESTABLISHED|,)+ )")


def lets_in_beside_ufw(told: Told) -> tuple[str, ...]:
    """Given what opsbook-look tells of `FILTER6`, return what may let somebody in beside UFW; raise ValueError where it was not told."""
    if told.code:
        raise ValueError(f"the rules for IPv6 could not be asked: {told.text}".strip())
    policy = () if f":{INPUT} DROP" in told.text else (f"{INPUT} does not drop what no rule speaks of",)
    asked = () if f"-A {INPUT} -j {UFW}before-input" in told.text else ("UFW is not asked",)
    return (*policy, *asked, *_accepting(told.text, INPUT, frozenset()))


def _accepting(text: str, chain: str, above: frozenset[str]) -> Iterator[str]:
    """Yield the rules that accept, in that chain and in those that it leads to; UFW's own are judged by its settings."""
    for found in RULE.finditer(text):
        if found["chain"] != chain or HARMLESS.search(found["when"]):
            continue
        if found["target"] == "ACCEPT":
            yield found[0]
        elif not found["target"].startswith(UFW) and found["target"] not in above:
            yield from _accepting(text, found["target"], above | {chain})
