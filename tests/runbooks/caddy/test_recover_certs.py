from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest

from opsbook import age
from opsbook.backup import file, payload
from opsbook.backup.payload import Manifest, Payload
from opsbook.backup.tarball import Stored
from opsbook.check import Seen, look_once
from opsbook.errors import NothingToUndo, Refused, UsageError
from opsbook.host import Host, Write
from opsbook.moves.issuing import account, aim, following, standing
from opsbook.systems import volume
from opsbook.systems.acme import LETS_ENCRYPT
from tests.certs import DAY, issued
from tests.fake import FakeGuard, a_run
from tests.runbooks.caddy.fake_caddy import CA, MONTH_AGO, NAMES
from tests.runbooks.caddy.fake_issuing import ADDRESS, ANOTHERS, MALFORMED, STACK, FakeIssuing, FakeStreet, seen_from
from tests.runbooks.caddy.test_restore_certs import KilledError, Meddling, die, on_disk, pay
from tests.runbooks.checkout_site import book
from tests.runbooks.fake_stack import BEGUN
from tests.runbooks.stack_site import Site

ALERTMANAGER, PROMETHEUS = NAMES
BOOK = book("recover-certs")
SENT = ["let the host start caddy if we vanish", "restart caddy", "the host need no longer start caddy if we vanish"]
WITH_ANOTHER_ACCOUNT = [
    "let the host start caddy if we vanish",
    "stop caddy",
    "set the ACME account aside that the authority does not take",
    "start caddy",
    "the host need no longer start caddy if we vanish",
]


@dataclass
class Recovering(Site):
    """recover-certs on a made-up Caddy, seen from a street of its own."""

    street: FakeStreet | None = None

    @property
    def caddy(self) -> FakeIssuing:
        assert isinstance(self.here, FakeIssuing)
        return self.here

    @property
    def host(self) -> Host:
        made = super().host
        street = self.street or FakeStreet(here=self.caddy)
        return replace(made, entry=replace(made.entry, peer_address=ADDRESS), connect_peer=lambda _role: seen_from(street))

    def from_outside(self) -> Seen:
        (check,) = BOOK.from_outside
        return look_once(self.host, check, self.given)

    def again(self) -> Recovering:
        """Return the run that resumes this one: the same record, another process."""
        return replace(self, events=[])


@dataclass
class Killing(FakeGuard):
    """A guard after whose nth write the operator's machine is gone."""

    at: int = 0

    @contextmanager
    def writing(self, change: Write) -> Iterator[None]:
        with super().writing(change):
            yield
        if len(self.writes) == self.at:
            raise KilledError


@pytest.fixture
def made(tmp_path: Path) -> Recovering:
    here = FakeIssuing(stack=STACK, data=tmp_path / "data")
    here.now = BEGUN
    return Recovering("recover-certs", {}, here, run=a_run(runbook="recover-certs", started=BEGUN))


def lost(made: Recovering) -> Recovering:
    made.caddy.empty()
    return made


def with_anothers_key(made: Recovering) -> Recovering:
    """Let the stored account be one that the authority does not take."""
    (key := made.caddy.root / ANOTHERS).parent.mkdir(parents=True, exist_ok=True)
    key.touch()
    return made


def refusal(made: Recovering) -> str:
    with pytest.raises(Refused) as raised:
        made.steps()
    assert (made.changes, made.caddy.orders) == ([], 0)
    return str(raised.value)


def test_a_lost_storage_gets_a_new_process_and_every_site_a_new_certificate(made: Recovering) -> None:
    before = made.caddy.serials()
    assert lost(made).steps().changes == SENT
    assert (made.caddy.orders, made.false(), made.from_outside().ok) == (2, {}, True)
    assert set(made.caddy.serials().values()).isdisjoint(before.values())
    assert f"{PROMETHEUS}: it is served from Caddy's memory alone" in made.said
    assert f"{PROMETHEUS}: has its certificate" in made.said
    assert set(made.run.kept["issued"]) == set(NAMES)


def test_where_all_is_well_nothing_is_ordered_and_no_process_made(made: Recovering) -> None:
    made.steps()
    assert (made.changes, made.caddy.orders, made.false(), made.from_outside().ok) == ([], 0, {}, True)
    assert "already so: Every site is served with a good certificate, which Caddy keeps, too" in made.said
    assert "curl" not in "".join(made.caddy.asked)


def test_a_second_run_orders_nothing(made: Recovering) -> None:
    lost(made).steps()
    again = Recovering("recover-certs", {}, made.caddy, run=a_run(runbook="recover-certs", started=made.caddy.now)).steps()
    assert (again.changes, made.caddy.orders, again.false()) == ([], 2, {})


def test_a_stored_certificate_that_is_good_is_served_again_without_an_order(made: Recovering) -> None:
    made.caddy.memory[PROMETHEUS] = issued(PROMETHEUS, starts=MONTH_AGO, days=29)[0]
    made.steps()
    assert (made.changes, made.caddy.orders, made.false()) == (SENT, 0, {})
    assert "nothing will be ordered" in made.said


def test_one_bad_certificate_is_replaced_and_the_good_one_stays(made: Recovering) -> None:
    good = made.caddy.serials()[ALERTMANAGER]
    (made.caddy.root / CA / PROMETHEUS).rename(made.caddy.root / "gone")
    made.steps()
    assert (made.caddy.orders, made.caddy.serials()[ALERTMANAGER], made.false()) == (1, good, {})
    assert f"{ALERTMANAGER}: 0 certificates this week" not in made.said


def test_force_orders_for_every_site_although_all_is_well(made: Recovering) -> None:
    made.params["force"] = True
    made.steps()
    assert made.changes == [f"set the stored certificates of {ALERTMANAGER}, {PROMETHEUS} aside", *SENT]
    assert (made.caddy.orders, made.false()) == (2, {})
    again = made.again().steps()
    assert (len(made.changes), made.caddy.orders, again.false()) == (4, 2, {})


@pytest.mark.parametrize(("force", "killed_after"), [(False, 1), (False, 2), (False, 3), (True, 1), (True, 2), (True, 3), (True, 4)])
def test_killed_after_any_write_a_rerun_orders_nothing_twice(made: Recovering, killed_after: int, *, force: bool) -> None:
    made.params["force"] = force
    if not force:
        lost(made)
    killing = replace(made, guard=Killing(at=killed_after))
    with pytest.raises(KilledError):
        killing.steps()
    again = made.again().steps()
    assert (made.caddy.orders, again.false(), again.from_outside().ok) == (2, {}, True)


def silent_at(made: Recovering, title: str) -> Meddling:
    """Return a guard: the authority falls silent when the change with this title is made."""
    return Meddling(title=title, before=lambda: setattr(made.caddy, "authority", False))


@pytest.fixture
def forced(made: Recovering) -> Recovering:
    """All was well, yet new ones were ordered, and the authority fell silent meanwhile."""
    made.params["force"] = True
    return replace(made, guard=silent_at(made, "restart caddy"))


def test_where_force_got_nothing_the_old_certificates_come_back_and_are_served(forced: Recovering) -> None:
    before, stored = forced.caddy.serials(), on_disk(forced.caddy)
    assert set(forced.steps().false()) == {"has_what_was_wanted", "every_site_is_well_served"}
    assert set(forced.false(undone=True)) == {"serves_what_it_had"}
    undone = forced.undo()
    assert (undone.false(undone=True), forced.caddy.serials(), on_disk(forced.caddy)) == ({}, before, stored)
    assert (forced.caddy.orders, forced.caddy.debts, forced.from_outside().ok) == (0, {}, True)
    changes = list(forced.changes)
    assert (forced.again().undo().false(undone=True), forced.changes) == ({}, changes)


def test_what_a_site_got_by_force_stays_when_the_other_gets_its_old_one_back(forced: Recovering) -> None:
    before = forced.caddy.serials()
    forced.steps()
    forced.caddy.store(PROMETHEUS, starts=forced.caddy.now, serial=0xE1)
    assert forced.undo().false(undone=True) == {}
    assert forced.caddy.serials() == {ALERTMANAGER: before[ALERTMANAGER], PROMETHEUS: "E1"}


def test_a_proven_force_and_a_run_without_it_have_nothing_to_put_back(made: Recovering) -> None:
    lost(made).steps()
    with pytest.raises(NothingToUndo, match="set no certificate aside"):
        made.undo()
    other = Recovering("recover-certs", {"force": True}, made.caddy, run=a_run(runbook="recover-certs", started=made.caddy.now)).steps()
    assert other.false() == {}
    with pytest.raises(NothingToUndo, match="has a new one"):
        other.undo()
    for run in (made, other):
        assert not BOOK.offers_undo(run.run.kept, BOOK.params(**run.params))


@pytest.mark.parametrize("after", ["set the stored", "let the host start", "restart caddy"])
def test_the_undo_of_a_force_that_was_killed_brings_everything_back(made: Recovering, after: str) -> None:
    made.params["force"], before, stored = True, made.caddy.serials(), on_disk(made.caddy)
    with pytest.raises(KilledError):
        replace(made, guard=Meddling(title=after, before=lambda: setattr(made.caddy, "authority", False), after=die)).steps()
    assert made.again().undo().false(undone=True) == {}
    assert (made.caddy.serials(), on_disk(made.caddy)) == (before, stored)


@pytest.mark.parametrize("after", ["let the host", "stop caddy", "bring the", "start caddy"])
def test_an_undo_that_is_killed_goes_on(forced: Recovering, after: str) -> None:
    before, stored = forced.caddy.serials(), on_disk(forced.caddy)
    forced.steps()
    with pytest.raises(KilledError):
        replace(forced, guard=Meddling(title=after, after=die)).undo()
    pay(forced.caddy)
    assert forced.again().undo().false(undone=True) == {}
    assert (forced.caddy.serials(), on_disk(forced.caddy)) == (before, stored)


def test_an_undo_whose_folder_a_later_run_has_taken_away_says_so(forced: Recovering) -> None:
    forced.steps()
    (forced.caddy.root / f"{volume.AWAY}{forced.run.id}").rename(forced.caddy.root / "gone")
    with pytest.raises(NothingToUndo, match="a later run has taken its place"):
        forced.undo()


def test_another_process_that_goes_on_finds_what_the_first_one_set_aside(made: Recovering) -> None:
    made.params["force"], before = True, made.caddy.serials()
    with pytest.raises(KilledError):
        replace(made, guard=Meddling(title="set the stored", after=die)).steps()
    made.run.id = "261122-0105-aaaa"
    made.caddy.authority = False
    made.caddy.start()
    again = replace(made.again(), guard=Meddling()).steps()
    assert [title for title in again.changes if title.startswith("set the stored")] == []
    assert again.undo().false(undone=True) == {}
    assert made.caddy.serials() == before


def test_a_rerun_after_the_new_process_only_follows_even_if_the_authority_is_silent_by_then(made: Recovering) -> None:
    lost(made).steps()
    made.caddy.authority = False
    again = made.again()
    again.steps()
    assert (len(made.changes), again.false()) == (3, {})


def ended_with_4(made: Recovering) -> Recovering:
    """The run's orders came to nothing while the authority was silent; Caddy itself has tried again since, and got them."""
    orders = replace(lost(made), guard=silent_at(made, "restart caddy")).steps()
    assert "has_what_was_wanted" in orders.false()
    made.caddy.authority = True
    made.caddy.read_storage()
    return made.again()


def test_a_storage_that_is_lost_again_after_the_new_process_gets_another_one(made: Recovering) -> None:
    again = ended_with_4(made)
    first = made.caddy.serials()
    made.caddy.empty()
    assert again.steps().changes == SENT
    assert (made.caddy.orders, again.false(), again.from_outside().ok) == (4, {}, True)
    assert set(made.caddy.serials().values()).isdisjoint(first.values())
    assert (again.again().steps().changes, made.caddy.orders) == (SENT, 4)


def test_what_was_served_from_the_storage_is_ordered_where_that_is_lost_meanwhile(made: Recovering) -> None:
    stored = made.caddy.serials()[ALERTMANAGER]
    (made.caddy.root / CA / PROMETHEUS).rename(made.caddy.data / "gone")
    orders = replace(made, guard=silent_at(made, "restart caddy")).steps()
    assert (set(orders.false()), made.caddy.serials()) == ({"has_what_was_wanted", "every_site_is_well_served"}, {ALERTMANAGER: stored})
    made.caddy.authority = True
    made.caddy.empty()
    again = made.again().steps()
    assert (again.changes, made.caddy.orders, again.false()) == (SENT, 2, {})


def test_what_was_lost_only_after_a_kill_before_the_new_process_is_ordered_too(made: Recovering) -> None:
    (made.caddy.root / CA / PROMETHEUS).rename(made.caddy.data / "gone")
    with pytest.raises(KilledError):
        replace(made, guard=Killing(at=1)).steps()
    made.caddy.empty()
    again = made.again().steps()
    assert (made.caddy.orders, again.false()) == (2, {})
    assert f"{ALERTMANAGER}: 0 certificates this week" in again.said


def test_a_storage_that_came_back_before_the_new_process_needs_none(made: Recovering) -> None:
    made.caddy.root.rename(made.caddy.data / "gone")
    with pytest.raises(KilledError):
        replace(made, guard=Killing(at=1)).steps()
    (made.caddy.data / "gone").rename(made.caddy.root)
    again = made.again().steps()
    assert (again.changes, made.caddy.orders, again.false()) == ([], 0, {})


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_killed_after_any_write_for_a_storage_that_was_lost_again_a_rerun_orders_nothing_twice(made: Recovering, killed_after: int) -> None:
    again = ended_with_4(made)
    made.caddy.empty()
    with pytest.raises(KilledError):
        replace(again, guard=Killing(at=killed_after)).steps()
    process = made.caddy.containers["caddy"]["State"]["StartedAt"]
    third = again.again().steps()
    assert (made.caddy.orders, third.false()) == (4, {})
    assert (made.caddy.containers["caddy"]["State"]["StartedAt"] == process) == (killed_after > 1)


def test_what_the_authority_gives_in_a_week_is_asked_again_where_the_storage_is_lost_again(made: Recovering) -> None:
    caddy = lets_encrypt(made)
    again = ended_with_4(made)
    for _ in range(5):
        caddy.issue(PROMETHEUS)
    caddy.empty()
    with pytest.raises(Refused, match=f"{PROMETHEUS}: it got 5 certificates this week"):
        again.steps()
    assert (again.changes, caddy.orders) == ([], 2)


def test_a_forced_run_whose_new_certificates_are_lost_gets_others(made: Recovering) -> None:
    made.params["force"] = True
    made.steps()
    (made.caddy.root / CA).rename(made.caddy.data / "gone")
    again = made.again().steps()
    assert (again.changes[4:], made.caddy.orders, again.false()) == (SENT, 4, {})


@pytest.mark.parametrize(("break_", "says"), [
    ("name", f"{PROMETHEUS}: DNS fails, seen from serverF"),
    ("443", "port 443 fails, seen from serverF"),
    ("80", "port 80 fails"),
    ("authority", "no certificate authority answers"),
    ("Caddyfile", "Caddy could not run"),
])
def test_an_order_that_would_fail_is_refused_before_anything_is_changed(made: Recovering, break_: str, says: str) -> None:
    made.street = FakeStreet(here=lost(made).caddy)
    if break_ == "name":
        made.street.points[PROMETHEUS] = "198.51.100.7"
    elif break_.isdigit():
        made.street.shut[break_] = 137
    elif break_ == "authority":
        made.caddy.authority = False
    else:
        made.caddy.broken = "Caddyfile:37: unexpected end"
    assert says in refusal(made)


def test_without_a_host_outside_nothing_is_ordered(made: Recovering) -> None:
    def nobody(_role: str) -> Host:
        raise UsageError("0 hosts have that role")

    host = replace(lost(made).host, connect_peer=nobody)
    with pytest.raises(Refused, match=r"roles: \[outside\]"):
        BOOK.steps[0](host, made.given)


def test_a_caddy_that_is_down_and_a_stack_without_sites_are_refused(made: Recovering) -> None:
    made.caddy.containers["caddy"]["State"]["Status"] = "exited"
    assert "caddy does not run" in refusal(made)
    made.caddy.stack = replace(STACK, sites=())
    assert "no public site" in refusal(made)


def lets_encrypt(made: Recovering) -> FakeIssuing:
    made.caddy.configured = made.caddy.configured.replace("https://ca.example/directory", LETS_ENCRYPT)
    return made.caddy


def test_five_certificates_in_a_week_are_all_that_lets_encrypt_gives(made: Recovering) -> None:
    caddy = lets_encrypt(lost(made))
    for hours in range(5):
        caddy.now = BEGUN - (hours + 1) * 5 * 3600
        caddy.issue(PROMETHEUS)
    caddy.now = BEGUN
    told = refusal(made)
    assert f"{PROMETHEUS}: it got 5 certificates this week, and acme-v02.api.letsencrypt.org gives 5" in told
    assert "opsbook restore-certs BACKUP vps-i1" in told


def test_five_within_an_hour_are_five_although_the_storage_tells_of_the_last_of_them_too(made: Recovering) -> None:
    caddy = lets_encrypt(made)
    for minutes in range(5):
        caddy.now = BEGUN - 50 * 60 + minutes * 600
        caddy.issue(PROMETHEUS)
    caddy.store(PROMETHEUS, starts=caddy.now - 3600, serial=0xC1, days=0.05)     # it is late, too
    caddy.now = BEGUN
    assert f"{PROMETHEUS}: it got 5 certificates this week" in refusal(made)


def test_force_orders_beyond_the_number_and_says_so(made: Recovering) -> None:
    caddy = lets_encrypt(lost(made))
    for _ in range(5):
        caddy.issue(PROMETHEUS)
    made.params["force"] = True
    assert "--force: it got 5 certificates" in made.steps().said
    assert caddy.orders == 2


def test_older_ones_do_not_count_and_another_authority_has_no_such_number(made: Recovering) -> None:
    caddy = lost(made).caddy
    for _ in range(9):
        caddy.issue(PROMETHEUS)
    made.steps()
    assert f"{PROMETHEUS}: 9 certificates this week" in made.said


def test_validations_that_fail_again_and_again_are_not_repeated(made: Recovering) -> None:
    caddy = lets_encrypt(lost(made))
    for _ in range(5):
        caddy.fail(ALERTMANAGER, text="challenge failed")
    assert "5 validations of it failed within an hour" in refusal(made)


def test_earlier_runs_and_the_storage_are_counted_once_beside_the_log(made: Recovering) -> None:
    caddy, at = made.caddy, BEGUN - 3 * DAY
    stamp = int(at * 1e6)
    caddy.notes.append(json.dumps({"MESSAGE": "end 261118-0105-aaaa recover-certs by anna@x code 0", "__REALTIME_TIMESTAMP": stamp}))
    caddy.runs["261118-0105-aaaa"] = json.dumps({
        "id": "261118-0105-aaaa", "runbook": "recover-certs", "params": {}, "operator": "anna", "started": at, "phase": "proven",
        "kept": {"certificates": {}, "issued": {PROMETHEUS: at}},
    })  # fmt: skip
    caddy.now = at
    caddy.issue(PROMETHEUS)
    caddy.now = BEGUN
    caddy.store(PROMETHEUS, starts=at - 3600, serial=0xC1, days=3)
    made.steps()
    assert f"{PROMETHEUS}: 1 certificate this week" in made.said


def test_an_authority_that_falls_silent_meanwhile_leaves_a_red_proof_that_says_what_is_served(made: Recovering) -> None:
    lost(made)
    made.caddy.authority = False
    silent = made.caddy.run

    def answers_once(command, stdin, within):  # type: ignore[no-untyped-def]
        made.caddy.authority = str(command).startswith("curl")
        return silent(command, stdin, within)

    made.caddy.run = answers_once  # type: ignore[method-assign]
    made.steps()
    red = made.false()["has_what_was_wanted"]
    assert f"{PROMETHEUS}: it is served with none; nothing is served" in red.saw
    assert "Caddy said: could not get certificate from issuer: connection refused" in red.saw
    assert "opsbook recover-certs vps-i1" in red.next
    assert f"{PROMETHEUS}: waiting; Caddy: could not get certificate" in made.said


def test_where_the_authority_has_said_no_for_good_nobody_waits(made: Recovering) -> None:
    lost(made)
    host, waited = made.host, made.host.clock()
    made.caddy.fail(PROMETHEUS, "HTTP 429 urn:ietf:params:acme:error:rateLimited - too many certificates")
    made.caddy.fail(ALERTMANAGER, "HTTP 429 urn:ietf:params:acme:error:rateLimited - too many certificates")
    aim.remember(host, standing.standings(host), BEGUN, anew=False)
    following.follow(host, 600)
    assert host.clock() == waited


def test_an_account_that_the_authority_does_not_take_is_removed_so_that_caddy_makes_another(made: Recovering) -> None:
    with_anothers_key(lost(made))
    clock = made.host.clock()
    made.steps()
    assert (made.false(), made.caddy.orders, made.host.clock() - clock < 60) == ({}, 2, True)
    assert made.changes == [*SENT, *WITH_ANOTHER_ACCOUNT]
    assert f"{PROMETHEUS}: waiting; Caddy: could not get certificate from issuer: {MALFORMED}" in made.said


def test_killed_after_any_write_on_the_way_to_another_account_a_rerun_gets_there(made: Recovering) -> None:
    for at in range(1, len(SENT) + len(WITH_ANOTHER_ACCOUNT) + 1):
        with_anothers_key(lost(made))
        made.run = a_run(runbook="recover-certs", started=made.caddy.now)
        with pytest.raises(KilledError):
            replace(made, guard=Killing(at=at)).steps()
        pay(made.caddy)
        assert made.again().steps().false() == {}


def test_one_order_that_is_malformed_is_no_reason_to_take_the_account_from_the_others(made: Recovering) -> None:
    lost(made)
    made.caddy.authority = False
    host = made.host
    aim.remember(host, standing.standings(host), BEGUN, anew=False)
    made.caddy.memory = {}
    made.caddy.fail(PROMETHEUS, MALFORMED)
    made.caddy.fail(ALERTMANAGER, "HTTP 403 urn:ietf:params:acme:error:unauthorized - wrong answer")
    progress, _ = following.look(host)
    assert (account.is_refused(progress.words, progress.lacking), progress.over) == (False, False)


@pytest.mark.parametrize(("version", "warned"), [("v2.6.2", True), ("2.8.4", True), ("v2.9.0", False), ("v2.10.2", False)])
def test_an_old_caddy_that_got_several_at_once_is_told_of_what_may_come(made: Recovering, version: str, *, warned: bool) -> None:
    made.caddy.version = version
    lost(made).steps()
    assert ("may have stored one that is refused when it renews these" in made.said) == warned


def test_an_account_that_is_refused_again_is_not_made_anew_for_ever(made: Recovering) -> None:
    with_anothers_key(lost(made))
    made.guard = Meddling(title="start caddy", before=lambda: with_anothers_key(made))      # type: ignore[arg-type, return-value]
    made.steps()
    assert made.changes == [*SENT, *WITH_ANOTHER_ACCOUNT]
    assert "error:malformed" in made.false()["has_what_was_wanted"].saw


def test_what_an_earlier_process_was_told_is_no_reason_to_give_up(made: Recovering) -> None:
    lost(made)
    host = made.host
    aim.remember(host, standing.standings(host), BEGUN, anew=False)
    for name in (PROMETHEUS, ALERTMANAGER):
        made.caddy.fail(name, "HTTP 429 urn:ietf:params:acme:error:rateLimited - too many certificates")
    made.caddy.memory = {}
    assert set(following.look(host)[0].words) == {PROMETHEUS, ALERTMANAGER}
    said, made.caddy.authority = list(made.caddy.log), False
    made.caddy.start()
    made.caddy.log = said
    assert (following.look(host)[0].words, following.look(host)[0].over) == ({}, False)


def test_a_plan_orders_nothing_and_keeps_nothing(made: Recovering) -> None:
    made.run.plan = True
    lost(made).steps()
    assert (made.changes, made.caddy.orders) == ([], 0)
    assert "then: follow Caddy's orders for at most 60 s" in made.said


def test_a_stored_certificate_without_its_key_counts_for_nothing(made: Recovering) -> None:
    (made.caddy.root / CA / PROMETHEUS / f"{PROMETHEUS}.key").unlink()
    assert "the storage has none" in made.false()["every_site_is_well_served"].saw


def test_each_proof_is_red_when_its_effect_is_missing(made: Recovering) -> None:
    lost(made).steps()
    caddy = made.caddy
    served = dict(caddy.memory)
    caddy.memory[PROMETHEUS] = issued(PROMETHEUS, starts=MONTH_AGO, serial=0xA1)[0]
    assert "it is still served with the old one" in made.false()["has_what_was_wanted"].saw
    caddy.memory[PROMETHEUS] = issued(PROMETHEUS, starts=BEGUN - 2 * DAY, serial=0xEE)[0]
    assert "is older than this run" in made.false()["has_what_was_wanted"].saw
    assert "the storage has another one than is served" in made.false()["every_site_is_well_served"].saw
    caddy.memory = {}
    assert "served with none" in made.false()["has_what_was_wanted"].saw
    caddy.memory = served
    caddy.trusted = False
    assert "browsers will not trust it" in made.false()["every_site_is_well_served"].saw
    caddy.trusted = True
    caddy.containers["prometheus"] = caddy.made("prometheus", caddy.now)
    assert set(made.false()) == {"others_are_untouched"}
    caddy.containers["caddy"]["State"]["Health"]["Status"] = "unhealthy"
    assert "is_healthy" in made.false()
    caddy.containers["caddy"]["State"]["StartedAt"] = datetime.fromtimestamp(BEGUN - 60, UTC).isoformat()
    assert "60.0 s before this run did" in made.false()["runs_anew"].saw
    caddy.containers["caddy"]["State"]["Status"] = "restarting"
    assert {"does_not_restart", "is_healthy", "runs_anew"} <= set(made.false())


def test_the_world_is_not_served_where_it_is_shown_something_else(made: Recovering) -> None:
    made.street = FakeStreet(here=lost(made).caddy)
    made.steps()
    assert made.from_outside().ok
    made.street.other[PROMETHEUS] = issued(PROMETHEUS, starts=BEGUN - DAY, serial=0xDD)[0]
    assert "serverF is shown another certificate than the host itself" in made.from_outside().saw
    made.street.other.clear()
    made.street.shut["443"] = 1
    assert "port 443: " in made.from_outside().saw
    made.street.points[PROMETHEUS] = "198.51.100.7"
    assert "DNS: it points to 198.51.100.7" in made.from_outside().saw


def saved(made: Recovering, folder: Path) -> dict[str, Path]:
    """Back up what lies there now; return what the runbook is given."""
    folder.mkdir()
    key = pyrage.x25519.Identity.generate()
    (identity := folder / "identity").write_text(f"{key}\n")
    files = tuple(
        Stored(str(path.relative_to(made.caddy.root)), 0o600, path.read_bytes())
        for path in sorted(made.caddy.root.rglob("*")) if path.is_file()
    )  # fmt: skip
    manifest = Manifest("vps-i1", False, BEGUN, made.caddy.serials(), payload.hashes(files))
    sealed = age.sealed_for((str(key.to_public()),), payload.written(Payload(manifest, files)))
    return {"from_backup": file.keep(folder, "backup.age", sealed)[0], "identity": identity}


def test_from_a_backup_the_old_certificates_come_back_and_nothing_is_ordered(made: Recovering, tmp_path: Path) -> None:
    made.params.update(saved(made, tmp_path / "backups"))
    before = made.caddy.serials()
    made.caddy.authority = False
    lost(made).steps()
    assert (made.caddy.orders, made.caddy.serials()) == (0, before)
    assert (made.false(), made.from_outside().ok) == ({}, True)
    made.caddy.empty()
    assert "every_site_is_well_served" in made.false()
    made.caddy.memory[PROMETHEUS] = issued(PROMETHEUS, starts=MONTH_AGO, serial=0xBB)[0]
    assert "serial BB, not the backup's" in made.false()["has_what_was_wanted"].saw


@pytest.mark.parametrize(("given", "says"), [
    ({"force": True, "from_backup": Path("x")}, "without --force"),
    ({"passphrase": "-"}, "give --from-backup BACKUP"),
    ({"identity": Path("x")}, "give --from-backup BACKUP"),
])
def test_options_that_contradict_each_other_are_refused(given: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        BOOK.params(**given)
