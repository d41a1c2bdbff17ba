"""The order of UFW's rules: where ours stood before a run moved or withdrew them, and what brings them back there.

The first rule that matches wins, so a rule that comes back before one that denies would open what was closed. A rule is a text here,
as UFW keeps it, without its comment; IPv4 and IPv6 have an order each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

EVERYWHERE, EVERYWHERE_6 = "0.0.0.0/0", "::/0"


def ours(port: str, source: str) -> str:
    """Return how UFW keeps what lets that source in to that port."""
    to = EVERYWHERE_6 if ":" in source else EVERYWHERE
    return f"allow tcp {port} {to} any {source} in"


def stands_as_before(now: Iterable[str], before: Sequence[str], rule: str) -> bool:
    """Return whether the rule stands, among those that were there before, where it stood then."""
    known = [one for one in now if one in before and _by_ipv6(one) == _by_ipv6(rule)]
    if rule not in known:
        return False
    return known.index(rule) + 1 == _number([one for one in known if one != rule], before, rule)


def with_places(now: Iterable[str], before: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Given lines for opsbook-firewall, let each rule that they bring back come to stand where it stood before; the others come first.

    Numbers count what is there when their line is read, so those that are still there somewhere else are withdrawn first.
    """
    coming = sorted((line for line in lines if _brings_back(line, before)), key=lambda line: before.index(_meant(line)[0]))
    gone = {rule for line in lines for rule in _meant(line)}
    there, stand = set(now), [one for one in now if one not in gone]
    withdrawn = [f"withdraw {' '.join(line.split()[1:3])}" for line in coming if _meant(line)[0] in there]
    return [*(line for line in lines if line not in coming), *withdrawn, *_numbered(coming, before, stand)]


def _numbered(coming: Iterable[str], before: Sequence[str], stand: list[str]) -> Iterable[str]:
    for line in coming:
        (rule,) = _meant(line)
        alike = [one for one in stand if _by_ipv6(one) == _by_ipv6(rule)]
        number = _number(alike, before, rule)
        alike.insert(number - 1, rule)
        stand = [*alike, *(one for one in stand if _by_ipv6(one) != _by_ipv6(rule))]
        yield f"{line} {number}"


def _number(others: Sequence[str], before: Sequence[str], rule: str) -> int:
    """Return the place right after the last of those that stood before the rule; of them, some may be gone, and new ones may have come."""
    earlier = before[: before.index(rule)]
    return max((number for number, one in enumerate(others, 1) if one in earlier), default=0) + 1


def _brings_back(line: str, before: Sequence[str]) -> bool:
    return line.startswith("allow ") and _meant(line)[0] in before


def _meant(line: str) -> tuple[str, ...]:
    """Return the rules that a line brings or takes; UFW makes two of one for everybody."""
    match line.split():
        case ["allow" | "withdraw", port, source, *_]:
            return (ours(port, source),)
        case ["unssh", port]:
            return (ours(port, EVERYWHERE), ours(port, EVERYWHERE_6))
    return ()


def _by_ipv6(rule: str) -> bool:
    _, _, _, to, _, source, *_ = rule.split()
    return ":" in to or ":" in source
