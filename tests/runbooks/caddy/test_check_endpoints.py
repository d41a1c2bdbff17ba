from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.answer import Answer
from opsbook.errors import CommandFailed, ConnectionLost, HostKeyChanged, Refused, Unreachable, UsageError
from opsbook.events import Event
from opsbook.host import Host, Result
from opsbook.moves.issuing.demands import expect_a_caddyfile_that_starts
from opsbook.runbook import NoParams
from opsbook.shell import Command
from opsbook.systems import dns
from opsbook.systems.together import together
from tests.certs import issued
from tests.fake import FakeTransport, a_run, fake_host
from tests.runbooks.caddy.fake_caddy import MONTH_AGO, NAMES
from tests.runbooks.caddy.fake_issuing import HERE, STACK, FakeIssuing, FakeStreet, seen_from
from tests.runbooks.checkout_site import book

ALERTMANAGER, PROMETHEUS = NAMES


@pytest.fixture
def here(tmp_path: Path) -> FakeIssuing:
    return FakeIssuing(stack=STACK, data=tmp_path / "data")


def on(here: FakeIssuing, street: FakeStreet | None = None, events: list[Event] | None = None) -> Host:
    outside = seen_from(street or FakeStreet(here=here))
    made = fake_host(here, entry=HERE, run=a_run(runbook="check-endpoints", reads_only=True), events=events)
    return replace(made, connect_peer=lambda _role: outside)


def checked(host: Host) -> tuple[Answer, dict[str, str]]:
    """Return the answer, and what is wrong by it, with its evidence."""
    found = book("check-endpoints")
    assert found.answer is not None
    answer = found.answer(host, NoParams())
    findings = json.loads(json.dumps(answer.data))["findings"]
    return answer, {one["what"]: one["evidence"] for one in findings if one["severity"] in {"bad", "warn"}}


def test_sites_that_are_well_give_no_trouble_and_each_seat_is_asked_once(here: FakeIssuing) -> None:
    street = FakeStreet(here=here)
    answer, wrong = checked(on(here, street))
    assert (wrong, answer.trouble) == ({}, "")
    data = json.loads(json.dumps(answer.data))
    assert (data["seat"], data["outside"], [one["fails"] for one in data["sites"]]) == ("serverF", True, [None, None])
    assert len(street.asked) - len(NAMES) * 6 == 2      # one round trip for the sites, one for the host's own address
    assert data["sites"][0]["certificate"]["names"] == [ALERTMANAGER]


def test_the_password_is_hidden_and_goes_by_standard_input_only(here: FakeIssuing) -> None:
    events: list[Event] = []
    host = on(here, events=events)
    answer, _ = checked(host)
    told = json.dumps(answer.data) + "".join(answer.lines) + "".join(f"{one.title}{one.detail}" for one in events) + "".join(here.asked)
    assert "let-me-in-please" not in told
    assert host.mask("say let-me-in-please") == "say ***"


def test_what_fails_first_is_told_per_site_and_is_the_trouble(here: FakeIssuing) -> None:
    street = FakeStreet(here=here, points={ALERTMANAGER: "198.51.100.7"}, statuses={PROMETHEUS: 502})
    answer, wrong = checked(on(here, street))
    assert list(wrong) == [f"{ALERTMANAGER}: DNS fails first", f"{PROMETHEUS}: upstream fails first"]
    assert answer.trouble.startswith(f"{ALERTMANAGER}: DNS fails first: it points to 198.51.100.7")
    assert "prometheus behind it does not answer" in wrong[f"{PROMETHEUS}: upstream fails first"]


@pytest.mark.parametrize(("points", "address", "own", "right"), [
    ("198.51.100.7", "198.51.100.7", (), True),                 # peer_address is a VPN's, and we log in at the public one
    ("198.51.100.7", "vps.example.org", (), True),
    ("9.9.9.9", "127.0.0.1", ("9.9.9.9", "172.17.0.1"), True),  # the host bears it
    ("172.17.0.1", "198.51.100.7", ("9.9.9.9", "172.17.0.1"), False),
    ("127.0.0.1", "127.0.0.1", (), False),
    ("198.51.100.8", "198.51.100.7", ("9.9.9.9",), False),
])
def test_a_record_is_right_that_leads_to_any_public_address_of_the_host(
    here: FakeIssuing, points: str, address: str, own: tuple[str, ...], *, right: bool
) -> None:
    here.addresses = own
    host = on(here, FakeStreet(here=here, points={ALERTMANAGER: points, "vps.example.org": "198.51.100.7"}))
    _, wrong = checked(replace(host, entry=replace(host.entry, address=address)))
    assert (f"{ALERTMANAGER}: DNS fails first" not in wrong) == right


def test_a_site_is_asked_where_dns_leads_if_that_is_the_host_and_else_where_peers_find_it(here: FakeIssuing) -> None:
    street = FakeStreet(here=here, points={ALERTMANAGER: "198.51.100.7", PROMETHEUS: "198.51.100.8"}, shut={"443": 137})
    host = on(here, street)
    _, wrong = checked(replace(host, entry=replace(host.entry, address="198.51.100.7")))
    assert wrong[f"{ALERTMANAGER}: port 443 fails first"].startswith("198.51.100.7 gives no answer")
    assert f"{PROMETHEUS}: DNS fails first" in wrong
    dialled = "\n".join(street.asked)
    assert ("198.51.100.7 443" in dialled, "192.0.2.10 443" in dialled, "198.51.100.8 443" in dialled) == (True, True, False)


def test_a_lost_storage_a_broken_caddyfile_and_a_silent_authority_are_told_while_all_is_served(here: FakeIssuing) -> None:
    here.empty()
    here.broken, here.authority = "Caddyfile:37: unexpected end", False
    _, wrong = checked(on(here))
    assert [what.partition(":")[0] for what in wrong] == [
        "Caddy would not start again with the Caddyfile on disk",
        "certificates are in Caddy's memory only",
        "no certificate authority answers",
    ]
    assert wrong["Caddy would not start again with the Caddyfile on disk"] == "Caddyfile:37: unexpected end"


def test_a_caddyfile_that_its_image_takes_is_good_whatever_logins_are_in_it(here: FakeIssuing) -> None:
    here.adapts = "what none of our parsers understands"
    assert checked(on(here))[1] == {}
    expect_a_caddyfile_that_starts(on(here))
    here.broken = "Caddyfile:37: unexpected end"
    with pytest.raises(Refused, match="Caddy could not run"):
        expect_a_caddyfile_that_starts(on(here))


def test_an_expired_certificate_is_told_although_curl_would_only_say_no(here: FakeIssuing) -> None:
    here.memory[PROMETHEUS] = issued(PROMETHEUS, starts=MONTH_AGO, days=29)[0]
    _, wrong = checked(on(here))
    assert wrong[f"{PROMETHEUS}: TLS fails first"] == "its certificate ended 1 d ago"


def test_without_a_host_outside_the_host_itself_is_asked_and_that_is_said_loudly(here: FakeIssuing) -> None:
    def nobody(_role: str) -> Host:
        raise UsageError("0 hosts have that role")

    events: list[Event] = []
    here.itself = FakeStreet(here=here)
    answer, wrong = checked(replace(on(here, events=events), connect_peer=nobody))
    assert (wrong, answer.trouble) == ({}, "")
    assert any("NOT from outside" in event.title for event in events)
    assert "nobody looked from outside" in "".join(answer.lines)


@pytest.mark.parametrize("error", [Unreachable("no route"), ConnectionLost("broken pipe")])
def test_a_seat_that_does_not_answer_is_its_own_error_and_no_word_about_the_sites(here: FakeIssuing, error: Exception) -> None:
    silent = FakeTransport()
    host = on(here)
    for question in (together([]), dns.resolve(host.entry.peer_address or "")):
        silent.teach(question, error)
    lost = replace(host.peer("outside"), transport=silent)
    with pytest.raises(CommandFailed, match="serverF cannot be asked"):
        checked(replace(host, connect_peer=lambda _role: lost))


def test_a_seat_that_shows_a_strange_key_ends_the_run(here: FakeIssuing) -> None:
    strange = FakeTransport()
    host = on(here)
    for question in (together([]), dns.resolve(host.entry.peer_address or "")):
        strange.teach(question, HostKeyChanged("another key"))
    seat = replace(host.peer("outside"), transport=strange)
    with pytest.raises(HostKeyChanged):
        checked(replace(host, connect_peer=lambda _role: seat))


def test_a_host_that_is_lost_while_it_looks_at_itself_is_lost(here: FakeIssuing) -> None:
    def nobody(_role: str) -> Host:
        raise UsageError("0 hosts have that role")

    class Lost(FakeStreet):
        def run(self, command: Command, stdin: str | None, within: float) -> Result:
            raise ConnectionLost("broken pipe")

    here.itself = Lost(here=here)
    with pytest.raises(ConnectionLost):
        checked(replace(on(here), connect_peer=nobody))


def test_a_stack_without_sites_is_refused_with_what_to_write_where(here: FakeIssuing) -> None:
    host = replace(on(here), entry=replace(HERE, stack=replace(STACK, sites=())))
    with pytest.raises(Refused, match=r"stacks\.p24\.sites in the inventory"):
        checked(host)


def test_a_password_that_is_missing_and_a_caddy_that_is_down_are_told(here: FakeIssuing) -> None:
    here.env = "OTHER=x\n"
    here.containers["caddy"]["State"]["Status"] = "exited"
    here.memory = {}
    street = FakeStreet(here=here, shut={"80": 1, "443": 1})
    _, wrong = checked(on(here, street))
    assert "Caddy does not run: exited (0)" in wrong
    assert f"{PROMETHEUS}: port 443 fails first" in wrong
    here.containers["caddy"]["State"]["Status"] = "running"
    here.read_storage()
    _, wrong = checked(on(here))
    assert "has no ADMIN_PASSWORD" in wrong[f"{PROMETHEUS}: login fails first"]
