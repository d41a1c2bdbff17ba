from __future__ import annotations

import pytest

from opsbook.systems.ufw_order import ours, stands_as_before, unreachable, with_places

DENY, DENY6 = "deny any 9100 0.0.0.0/0 any 0.0.0.0/0 in", "deny any 9100 ::/0 any ::/0 in"
ROUTE = "route:allow any 22 0.0.0.0/0 any 0.0.0.0/0 in"
A, B = ours("9100", "192.0.2.1"), ours("8080", "192.0.2.1")
V6 = ours("9100", "2001:db8::1")
BACK_A, BACK_B, BACK_V6 = "allow 9100 192.0.2.1 x", "allow 8080 192.0.2.1 x", "allow 9100 2001:db8::1 x"


def test_a_rule_of_ours_is_written_as_ufw_keeps_it() -> None:
    assert (A, V6) == ("allow tcp 9100 0.0.0.0/0 any 192.0.2.1 in", "allow tcp 9100 ::/0 any 2001:db8::1 in")


@pytest.mark.parametrize(("now", "before", "well"), [
    ((DENY, A), (DENY, A), True),
    ((A, DENY), (DENY, A), False),
    ((DENY,), (DENY, A), False),
    ((A,), (DENY, A), True),                    # what denied is gone
    ((DENY, B, A), (DENY, A), True),            # B came later
    ((DENY, B, A), (DENY, A, B), False),
    ((B, DENY, A), (DENY, A, B), True),         # somebody else has moved B
    ((DENY, V6, DENY6), (DENY, V6, DENY6), True),
    ((DENY, DENY6, V6), (DENY, V6, DENY6), False),
    ((V6, DENY, A), (DENY, A, V6), True),       # each kind has an order of its own
])  # fmt: skip
def test_a_rule_stands_where_it_stood_behind_what_stood_before_it(now: tuple[str, ...], before: tuple[str, ...], well: bool) -> None:
    assert stands_as_before(now, before, A if A in before else V6) is well


def test_by_ipv6_too_a_rule_before_the_denial_does_not_stand_behind_it() -> None:
    assert not stands_as_before((DENY, V6, DENY6), (DENY, DENY6, V6), V6)


@pytest.mark.parametrize(("now", "before", "lines", "done"), [
    ((A, DENY), (DENY, A), [BACK_A], [f"{BACK_A} 2"]),
    ((DENY,), (DENY, A), [BACK_A], [f"{BACK_A} 2"]),
    ((B, A, DENY), (A, DENY, B), [BACK_B, BACK_A], [f"{BACK_A} 1", f"{BACK_B} 3"]),
    ((B, A, DENY), (DENY, A, B), [BACK_B, BACK_A], [f"{BACK_A} 3", f"{BACK_B} 3"]),                # B still stands before A then
    ((A, ROUTE, DENY), (ROUTE, DENY, A), [BACK_A], [f"{BACK_A} 3"]),     # UFW counts what is passed on
    ((DENY, V6, DENY6), (DENY, DENY6, V6), [BACK_V6], [f"{BACK_V6} 2"]),
    ((B, A, DENY), (DENY, A), [BACK_A, "withdraw 8080 192.0.2.1"],
     ["withdraw 8080 192.0.2.1", f"{BACK_A} 2"]),                       # B goes first, and is not counted
    ((ours("22", "0.0.0.0/0"), A, DENY), (DENY, A), ["back", "unssh 22", BACK_A],
     ["back", "unssh 22", f"{BACK_A} 2"]),
    ((DENY,), (), [BACK_A, "publish 9090 192.0.2.1"], [BACK_A, "publish 9090 192.0.2.1"]),
])  # fmt: skip
def test_what_comes_back_is_given_the_place_that_it_had(now: tuple[str, ...], before: list[str], lines: list[str], done: list[str]) -> None:
    assert with_places(now, before, lines) == done


TWO = ("allow udp 137,138 0.0.0.0/0 any 0.0.0.0/0 Samba - in", "allow tcp 139,445 0.0.0.0/0 any 0.0.0.0/0 Samba - in")
TWO6 = tuple(one.replace("0.0.0.0/0", "::/0") for one in TWO)
WEB = "allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 WWW%20Full - in"
FROM = ("allow udp any 0.0.0.0/0 137,138 192.0.2.9 - Samba in", "allow tcp any 0.0.0.0/0 139,445 192.0.2.9 - Samba in")
LAST = ours("22", "0.0.0.0/0")


@pytest.mark.parametrize(("before", "lines", "found"), [
    ((*TWO, DENY, A, LAST), [BACK_A], [A]),             # number 4 of what UFW counts as 3
    ((*TWO, DENY, A), [BACK_A], []),                    # the last needs no number
    ((A, *TWO, DENY, LAST), [BACK_A], []),
    ((DENY, A, *TWO, LAST), [BACK_A], []),
    ((*TWO, A, DENY, LAST), [BACK_A], []),              # number 3 of 4
    ((WEB, DENY, A, LAST), [BACK_A], []),               # an application of one rule
    ((*FROM, DENY, A, LAST), [BACK_A], [A]),
    ((*TWO, *FROM, A, DENY, WEB, LAST), [BACK_A], []),  # number 5 of 5
    ((*TWO, *FROM, DENY, A, WEB, LAST), [BACK_A], [A]),
    ((*TWO, DENY, A, B, LAST), [BACK_A, BACK_B], [A, B]),
    ((*TWO, DENY, A, B), [BACK_A, BACK_B], []),
    ((*TWO, DENY, A, LAST), ["withdraw 9100 192.0.2.7"], []),
    ((*TWO, DENY, *TWO6, V6, LAST), [BACK_V6], []),
    ((DENY, *TWO6, DENY6, V6, "allow any 22 ::/0 any ::/0 in"), [BACK_V6], [V6]),
    ((*(f"{one}_eth0" for one in TWO), A, *(f"{one}_eth1" for one in TWO), LAST), [BACK_A], [A]),     # UFW goes between no two of one name
])  # fmt: skip
def test_a_place_to_which_ufw_would_not_go_is_known_before(before: tuple[str, ...], lines: list[str], found: list[str]) -> None:
    assert unreachable(before, lines) == found
