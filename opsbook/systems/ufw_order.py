"""The order of UFW's rules: where ours stood before a run moved or withdrew them, and what brings them back there.

The first rule that matches wins, so a rule that comes back before one that denies would open what was closed. A rule is a text here,
as UFW keeps it, without its comment; IPv4 and IPv6 have an order each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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

    Numbers count what is there when their line is read, without the rule itself: the program takes it away before it puts it there.
    """
    coming = _coming(before, lines)
    first = [line for line in lines if line not in coming]
    gone = {rule for line in first for rule in _meant(line)}
    return [*first, *(f"{line} {number}" for line, number, _ in _placed(coming, before, [one for one in now if one not in gone]))]


def unreachable(before: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return which of the rules that those lines bring back UFW would not put where they stood before."""
    coming = _coming(before, lines)
    brought = [_meant(line)[0] for line in coming]
    placed = _placed(coming, before, [one for one in before if one not in brought])
    return [rule for rule, (_, number, others) in zip(brought, placed, strict=True) if not _goes(number, others)]


def _coming(before: Sequence[str], lines: Iterable[str]) -> list[str]:
    return sorted((line for line in lines if _brings_back(line, before)), key=lambda line: before.index(_meant(line)[0]))


def _placed(coming: Iterable[str], before: Sequence[str], stand: Sequence[str]) -> Iterator[tuple[str, int, list[str]]]:
    """Yield each line with the number of its rule's place, and the others of its kind that are there then."""
    for line in coming:
        (rule,) = _meant(line)
        others = [one for one in stand if _by_ipv6(one) == _by_ipv6(rule) and one != rule]
        number = _number(others, before, rule)
        stand = [*others[: number - 1], rule, *others[number - 1 :], *(one for one in stand if _by_ipv6(one) != _by_ipv6(rule))]
        yield line, number, others


def _goes(number: int, others: Sequence[str]) -> bool:
    """Return whether UFW lets a rule become that one: it judges the number with an application's rules as one, and counts them singly.

    It goes between no two rules for one application either. After all others a rule comes by itself.
    """
    if number > len(others):
        return True
    torn = number > 1 and _application(others[number - 2]) == _application(others[number - 1]) != ()
    return number <= len({_counted_as(one) for one in others}) and not torn


def _application(rule: str) -> tuple[str, ...]:
    """Return whose rule it is, as UFW compares neighbours; nothing for one of plain ports."""
    match rule.split():
        case [_, _, _, to, _, source, to_application, source_application, _]:
            return (to, source, to_application, source_application)
    return ()


def _counted_as(rule: str) -> tuple[str, ...]:
    """Return what rules that UFW takes for one have in common."""
    match rule.split():
        case [_, _, ports, to, from_ports, source, to_application, source_application, way]:
            there = ports if to_application == "-" else to_application
            return (there, to, from_ports if source_application == "-" else source_application, source, way)
    return (rule,)


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
