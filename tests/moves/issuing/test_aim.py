from __future__ import annotations

import pytest

from opsbook.inventory import Site
from opsbook.moves.issuing.aim import Aim, aims, missed, remember
from opsbook.moves.issuing.standing import Standing
from opsbook.systems.acme import BACKDATED
from opsbook.systems.tls import Certificate, Handshake
from tests.fake import fake_host

NOW, DAY = 1_700_000_000.0, 86400.0
SITE = Site("x.example", "prometheus")


def certificate(serial: str, *, starts: float = NOW - 30 * DAY, ends: float = NOW + 60 * DAY) -> Certificate:
    return Certificate(starts, ends, serial, names=("x.example",))


def standing(served: Certificate | None, kept: Certificate | None) -> Standing:
    return Standing(SITE, Handshake(served, protocol="TLSv1.3", why="" if served else "internal error"), kept)


GOOD, OTHER = certificate("A"), certificate("B")
LATE, OVER = certificate("C", starts=NOW - 80 * DAY, ends=NOW + 10 * DAY), certificate("D", ends=NOW - DAY)


@pytest.mark.parametrize(("served", "kept", "stored", "wrong"), [
    (GOOD, GOOD, "A", ""),
    (GOOD, None, "", "from Caddy's memory alone"),
    (GOOD, OTHER, "B", "another one than is served"),
    (OVER, GOOD, "A", "ended 1 d ago"),
    (OVER, OVER, "", "ended 1 d ago"),
    (LATE, LATE, "", "was not renewed"),
    (None, GOOD, "A", "there is no certificate: internal error"),
    (GOOD, LATE, "", "another one than is served"),
    (None, None, "", "there is no certificate"),
])
def test_what_is_wrong_and_what_a_new_process_would_serve_without_an_order(
    served: Certificate | None, kept: Certificate | None, stored: str, wrong: str
) -> None:
    one = standing(served, kept)
    assert (one.usable(NOW), wrong in one.wrong(NOW), bool(one.wrong(NOW))) == (stored, True, bool(wrong))


def test_what_is_aimed_at_is_decided_for_each_process_and_what_was_known_before_is_never_new() -> None:
    host = fake_host()
    remember(host, [standing(GOOD, None)], NOW, anew=False)
    assert aims(host) == {"x.example": Aim("", "A", ("A",))}
    remember(host, [standing(OTHER, OTHER)], NOW, anew=False)
    assert aims(host) == {"x.example": Aim("B", "B", ("A", "B"))}
    remember(host, [standing(OTHER, None)], NOW, anew=False)
    assert aims(host) == {"x.example": Aim("", "B", ("A", "B"))}
    assert not aims(host)["x.example"].reached


def test_with_force_even_a_good_one_is_not_what_is_aimed_at() -> None:
    host = fake_host()
    remember(host, [standing(GOOD, OTHER)], NOW, anew=True)
    assert aims(host)["x.example"] == Aim("", "A", ("A", "B"))


@pytest.mark.parametrize(("aim", "found", "why"), [
    (Aim("A", "D", ("A", "D")), GOOD, ""),
    (Aim("A", "D", ("A", "D")), OVER, "not with …A"),
    (Aim("", "A", ("A",)), GOOD, "still served with the old one"),
    (Aim("", "A", ("A",)), OTHER, "older than this run"),
    (Aim("", "A", ("A",)), certificate("E", starts=NOW - BACKDATED), ""),
    (Aim("", "A", ("A",)), certificate("E", starts=NOW - BACKDATED - 1), "older than this run"),
    (Aim("", "", ()), None, "served with none"),
])
def test_a_certificate_is_what_was_aimed_at_or_the_reason_is_told(aim: Aim, found: Certificate | None, why: str) -> None:
    told = aim.missed(found, NOW)
    assert (why in told, bool(told)) == (True, bool(why))


def test_only_sites_that_were_aimed_at_are_missed() -> None:
    host = fake_host()
    host.run.started = NOW
    remember(host, [standing(GOOD, GOOD)], NOW, anew=False)
    assert missed(host, {"x.example": Handshake(GOOD), "y.example": Handshake(why="no")}) == {}
