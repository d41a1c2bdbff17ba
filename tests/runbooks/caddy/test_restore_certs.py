from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from opsbook import age
from opsbook.backup import file, payload
from opsbook.backup.payload import Manifest, Payload
from opsbook.backup.tarball import Stored, packed
from opsbook.errors import CommandFailed, NothingToUndo, NotTrue, OpsbookError, PlanEnds, Refused, UsageError
from opsbook.host import Host, Write
from opsbook.systems import volume
from tests.backup.test_tarball import HOSTILE
from tests.certs import DAY, issued
from tests.fake import FakeGuard, a_run
from tests.runbooks.caddy.fake_caddy import CA, NAMES, WITH_SITES, FakeCaddy
from tests.runbooks.fake_stack import BEGUN
from tests.runbooks.stack_site import Site
from tests.test_host_secrets import FakeHands

KEY = pyrage.x25519.Identity.generate()
SWAPPING = [
    "lay the backup's 5 files beside Caddy's storage", "let the host start caddy if we vanish", "stop caddy",
    "swap Caddy's storage for the backup's 5 files", "start caddy", "the host need no longer start caddy if we vanish",
]  # fmt: skip


class KilledError(Exception):
    """The operator's machine is gone."""


@dataclass
class Meddling(FakeGuard):
    """A guard that does something before or after the write with this title."""

    title: str = ""
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    @contextmanager
    def writing(self, change: Write) -> Iterator[None]:
        ours = change.title.startswith(self.title)
        if ours:
            self.before()
        with super().writing(change):
            yield
        if ours:
            self.after()


def die() -> None:
    raise KilledError


def fail() -> None:
    raise CommandFailed("read-only file system")


@dataclass
class Restoring(Site):
    """restore-certs on a made-up Caddy, whose operator knows a passphrase."""

    hands: FakeHands = field(default_factory=FakeHands)

    @property
    def host(self) -> Host:
        return replace(super().host, hands=self.hands)

    @property
    def caddy(self) -> FakeCaddy:
        assert isinstance(self.here, FakeCaddy)
        return self.here


@dataclass
class Bench:
    """A Caddy, a folder for backups, and the key that opens them."""

    caddy: FakeCaddy
    folder: Path

    def backup(self, **changes: Any) -> Path:
        """Back up what lies there now, told otherwise in its manifest where that is wanted."""
        files = tuple(
            Stored(str(path.relative_to(self.caddy.root)), 0o600, path.read_bytes())
            for path in sorted(self.caddy.root.rglob("*"))
            if path.is_file() and not str(path.relative_to(self.caddy.root)).startswith(".")
        )
        told = Manifest("vps-i1", False, BEGUN, self.caddy.serials(), payload.hashes(files))
        return self.sealed(payload.written(Payload(replace(told, **changes), files)))

    def sealed(self, plain: bytes) -> Path:
        name = f"backup-{len(list(self.folder.iterdir()))}.age"
        return file.keep(self.folder, name, age.sealed_for((str(KEY.to_public()),), plain))[0]

    def site(self, backup: Path, *, plan: bool = False, **given: Any) -> Restoring:
        given = {"backup": backup, "identity": self.folder / "identity", **given}
        return Restoring("restore-certs", given, self.caddy, run=a_run(runbook="restore-certs", plan=plan, started=BEGUN))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "identity").write_text(f"{KEY}\n")
    return Bench(FakeCaddy(stack=WITH_SITES, data=tmp_path / "data"), tmp_path / "backups")


@pytest.fixture
def lost(bench: Bench) -> tuple[Bench, Path]:
    """A Caddy whose volume is empty, and which serves on from its memory; and a backup from before."""
    backup = bench.backup()
    bench.caddy.empty()
    return bench, backup


def on_disk(caddy: FakeCaddy) -> dict[str, bytes]:
    found = {str(path.relative_to(caddy.root)): path.read_bytes() for path in caddy.root.rglob("*") if path.is_file()}
    return {path: content for path, content in found.items() if not path.startswith(".")}


def test_an_empty_volume_gets_the_backup_and_nothing_is_ordered(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    serials = bench.caddy.serials()
    made = bench.site(backup).steps()
    assert [change.split(" `")[0] for change in made.changes] == SWAPPING
    assert made.guard.writes[0].about == "stop Caddy, put the backup's 5 files in the place of its storage, and start it"
    assert made.false() == {}
    assert (bench.caddy.serials(), bench.caddy.orders, bench.caddy.debts) == (serials, 0, {})


def test_what_is_there_already_is_left_alone(bench: Bench) -> None:
    made = bench.site(bench.backup()).steps()
    assert (made.changes, made.false()) == ([], {})
    assert "already so: Caddy's storage holds the backup's" in made.said


def test_a_storage_that_is_right_but_not_served_gets_a_new_process_only(bench: Bench) -> None:
    backup = bench.backup()
    bench.caddy.memory[NAMES[0]] = issued(NAMES[0], starts=BEGUN - 60 * DAY, serial=0xBAD)[0]
    made = bench.site(backup).steps()
    assert made.changes == ["let the host start caddy if we vanish", "restart caddy", "the host need no longer start caddy if we vanish"]
    assert made.false() == {}


def test_a_plan_shows_the_swap_and_changes_nothing(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    made = bench.site(backup, plan=True).steps()
    assert (made.changes, on_disk(bench.caddy)) == ([], {})
    assert "swap Caddy's storage for the backup's 5 files" in made.said


def test_a_plan_asks_for_no_passphrase_and_says_so(bench: Bench) -> None:
    sealed = file.keep(bench.folder, "by-words.age", age.MAGIC + b"-> scrypt x 19\n")[0]
    made = bench.site(sealed, plan=True, identity=None)
    with pytest.raises(PlanEnds):
        made.steps()
    assert "a plan asks for no passphrase" in made.said


def test_a_plan_with_a_file_of_the_passphrase_opens_and_judges_the_backup(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    plain = age.opened_with(str(KEY), backup.read_bytes())
    by_words, _ = file.keep(bench.folder, "by-words.age", age.sealed_by(bench.site(backup).hands.obtain("", ""), plain))
    made = bench.site(by_words, plan=True, identity=None, passphrase="/home/anna/words")
    made.steps()
    assert "a backup of vps-i1 from" in made.said
    assert "swap Caddy's storage for the backup's 5 files" in made.said
    with pytest.raises(Refused, match="the passphrase does not open"):
        replace(made, hands=FakeHands("another")).steps()


def test_a_backup_by_passphrase_is_opened_by_what_the_operator_types(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    plain = age.opened_with(str(KEY), backup.read_bytes())
    by_words, _ = file.keep(bench.folder, "by-words.age", age.sealed_by(bench.site(backup).hands.obtain("", ""), plain))
    made = bench.site(by_words, identity=None)
    assert made.steps().false() == {}
    with pytest.raises(Refused, match="the passphrase does not open"):
        replace(made, hands=FakeHands("another")).steps()


REFUSALS: dict[str, tuple[Callable[[Bench], Path], type[OpsbookError], str]] = {
    "another host's": (lambda bench: bench.backup(host="serverA"), Refused, "another host's"),
    "a lab's": (lambda bench: bench.backup(lab=True), Refused, "of a lab"),
    "a file that is not there": (lambda bench: bench.folder / "none", UsageError, "the backup cannot be read"),
    "a flipped byte": (lambda bench: flipped(bench.backup()), Refused, "checksum beside it"),
    "a cut file without its checksum": (lambda bench: cut(bench.backup()), Refused, "damaged"),
    "a way up": (lambda bench: bench.sealed(packed([Stored("storage/../../etc/cron.d/x", 0o600, b"")])), Refused, "leads elsewhere"),
    "a link": (lambda bench: bench.sealed(HOSTILE["a symlink"]), Refused, "neither links nor devices"),
    "no backup at all": (lambda bench: bench.sealed(b"something else"), Refused, "no tar"),
    "a wrong sum": (lambda bench: bench.backup(files={"a": "b"}), Refused, "not what its manifest says"),
}


def flipped(path: Path) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-20])
    path.with_name(f"{path.name}.sha256").unlink()
    return path


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_backup_that_should_not_be_here_is_refused_before_anything_leaves_this_machine(bench: Bench, kind: str) -> None:
    make, error, says = REFUSALS[kind]
    made = bench.site(make(bench))
    with pytest.raises(error, match=says):
        made.steps()
    assert made.changes == []
    assert [sent for sent in bench.caddy.asked if volume.FED in sent] == []


def test_another_hosts_is_taken_where_that_is_meant(bench: Bench) -> None:
    backup = bench.backup(host="old-vps")
    bench.caddy.empty()
    assert bench.site(backup, other_host=True).steps().false() == {}


def test_a_key_that_does_not_open_it_is_an_error_and_none_at_all_one_of_usage(bench: Bench) -> None:
    backup = bench.backup()
    (bench.folder / "wrong").write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(Refused, match="does not open"):
        bench.site(backup, identity=bench.folder / "wrong").steps()
    with pytest.raises(UsageError, match="--identity FILE"):
        bench.site(backup, identity=None).steps()


def test_an_expired_certificate_is_refused_and_one_that_caddy_would_renew_at_once(bench: Bench) -> None:
    bench.caddy.store(NAMES[0], starts=BEGUN - 91 * DAY, serial=1)
    bench.caddy.store(NAMES[1], starts=BEGUN - 70 * DAY, serial=2)
    made = bench.site(bench.backup())
    with pytest.raises(Refused) as refused:
        made.steps()
    assert f"{NAMES[0]}: it has expired" in refused.value.saw
    assert f"{NAMES[1]}: it is due for renewal" in refused.value.saw
    with pytest.raises(Refused, match="no certificate that could be served"):
        bench.site(bench.backup(), partly=True).steps()


def test_what_the_backup_lacks_caddy_may_order_where_that_is_meant(bench: Bench) -> None:
    subprocess.run(["rm", "-r", bench.caddy.root / CA / NAMES[0]], check=True)
    backup = bench.backup()
    bench.caddy.empty()
    with pytest.raises(Refused, match=f"{NAMES[0]}: the backup has none"):
        bench.site(backup).steps()
    made = bench.site(backup, partly=True).steps()
    assert (made.false(), bench.caddy.orders) == ({}, 1)
    assert "which this run does not prove" in made.said


def test_a_certificate_without_its_key_is_lacking(bench: Bench) -> None:
    (bench.caddy.root / CA / NAMES[0] / f"{NAMES[0]}.key").write_bytes(issued(NAMES[0], starts=BEGUN)[1])
    with pytest.raises(Refused, match="its key is missing or another's"):
        bench.site(bench.backup()).steps()


def test_what_is_newer_stays_unless_the_older_is_meant(bench: Bench) -> None:
    backup = bench.backup()
    bench.caddy.store(NAMES[0], starts=BEGUN - DAY, serial=0xE0)
    bench.caddy.read_storage()
    with pytest.raises(Refused, match="what is served is newer than the backup") as refused:
        bench.site(backup, partly=True).steps()
    again = f"opsbook restore-certs {backup} vps-i1 --identity={bench.folder / 'identity'} --partly --older"
    assert refused.value.next == f"if that is meant: {again}"
    assert bench.site(backup, older=True).steps().false() == {}
    assert bench.caddy.serials()[NAMES[0]] == "A0"


@pytest.mark.parametrize("kind", ["expired", "trusted by nobody"])
def test_what_is_served_but_not_good_is_no_reason_to_keep_it(bench: Bench, kind: str) -> None:
    backup = bench.backup()
    bench.caddy.store(NAMES[0], starts=BEGUN - DAY, days=0.5 if kind == "expired" else 90, serial=0xE0)
    bench.caddy.read_storage()
    bench.caddy.trusted = kind == "expired"
    bench.site(backup).steps()
    assert bench.caddy.serials()[NAMES[0]] == "A0"


def test_without_a_container_nobody_knows_the_volume(bench: Bench) -> None:
    backup = bench.backup()
    del bench.caddy.containers["caddy"]
    with pytest.raises(Refused, match="docker compose --project-directory=/opt/p24-infra/monitoring create caddy"):
        bench.site(backup).steps()


def test_a_container_that_never_ran_gets_its_certificates_before_its_first_start(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    bench.caddy.memory, bench.caddy.containers["caddy"]["State"]["Status"] = {}, "created"
    made = bench.site(backup).steps()
    assert (made.false(), bench.caddy.orders) == ({}, 0)


def test_what_did_not_arrive_whole_is_not_swapped(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    incoming = bench.caddy.root / volume.INCOMING / CA / NAMES[0] / f"{NAMES[0]}.crt"
    made = replace(bench.site(backup), guard=Meddling(title="lay the", after=lambda: spoil(incoming)))
    with pytest.raises(NotTrue, match="What lies beside the storage is what the backup holds"):
        made.steps()
    assert "stop caddy" not in made.changes


def spoil(path: Path) -> None:
    path.write_text("spoilt")


@pytest.fixture
def renewed(bench: Bench) -> tuple[Bench, Path]:
    """A backup, and a Caddy that serves an older certificate for one site."""
    backup = bench.backup()
    bench.caddy.store(NAMES[0], starts=BEGUN - 40 * DAY, serial=0xE0)
    bench.caddy.read_storage()
    return bench, backup


def test_a_swap_that_fails_leaves_caddy_started_with_what_it_had(renewed: tuple[Bench, Path]) -> None:
    bench, backup = renewed
    made = replace(bench.site(backup), guard=Meddling(title="swap", before=fail))
    with pytest.raises(CommandFailed, match="read-only file system"):
        made.steps()
    assert (bench.caddy.containers["caddy"]["State"]["Status"], bench.caddy.serials()[NAMES[0]]) == ("running", "E0")
    assert made.undo().false(undone=True) == {}


@pytest.mark.parametrize("after", ["lay the", "let the host", "stop caddy", "swap Caddy's", "start caddy", "the host need"])
def test_killed_after_each_write_it_goes_on_and_the_way_back_is_still_whole(renewed: tuple[Bench, Path], after: str) -> None:
    bench, backup = renewed
    before = on_disk(bench.caddy)
    made = replace(bench.site(backup), guard=Meddling(title=after, after=die))
    with pytest.raises(KilledError):
        made.steps()
    pay(bench.caddy)
    again = replace(bench.site(backup), run=made.run)
    assert again.steps().false() == {}
    assert (bench.caddy.serials()[NAMES[0]], bench.caddy.orders) == ("A0", 0)
    assert again.undo().false(undone=True) == {}
    assert on_disk(bench.caddy) == before


@pytest.mark.parametrize("after", ["let the host", "stop caddy", "put back", "start caddy"])
def test_an_undo_that_is_killed_goes_on(renewed: tuple[Bench, Path], after: str) -> None:
    bench, backup = renewed
    before = on_disk(bench.caddy)
    made = bench.site(backup).steps()
    with pytest.raises(KilledError):
        replace(made, guard=Meddling(title=after, after=die)).undo()
    pay(bench.caddy)
    assert made.undo().false(undone=True) == {}
    assert (on_disk(bench.caddy), bench.caddy.serials()[NAMES[0]]) == (before, "E0")


def pay(caddy: FakeCaddy) -> None:
    """Let the host do what it owes."""
    if caddy.debts:
        caddy.start()
        caddy.debts.clear()


def test_a_rerun_with_another_file_of_that_name_is_refused(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    made = bench.site(backup).steps()
    bench.caddy.store(NAMES[0], starts=BEGUN - 20 * DAY, serial=0xE5)
    other = bench.backup()
    with pytest.raises(Refused, match="since this run began"):
        replace(bench.site(other), run=made.run).steps()


def test_an_undo_throws_no_new_certificate_away(renewed: tuple[Bench, Path]) -> None:
    bench, backup = renewed
    made = bench.site(backup).steps()
    bench.caddy.store(NAMES[0], starts=BEGUN, serial=0xE9)
    with pytest.raises(NothingToUndo, match="Caddy has got new certificates since"):
        made.undo()


def test_an_undo_after_a_later_restore_has_nothing_to_put_back(renewed: tuple[Bench, Path]) -> None:
    bench, backup = renewed
    first = bench.site(backup).steps()
    bench.caddy.store(NAMES[1], starts=BEGUN - 40 * DAY, serial=0xE7)
    bench.caddy.read_storage()
    second = bench.site(backup)
    second.run.id = "261122-0105-aaaa"
    second.steps()
    with pytest.raises(NothingToUndo, match="a later restore has taken its place"):
        first.undo()
    assert second.undo().false(undone=True) == {}


def test_an_undo_of_an_empty_storage_leaves_caddy_to_itself(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    made = bench.site(backup).steps()
    assert made.undo().false(undone=True) == {}
    assert bench.caddy.serials()


def test_each_proof_is_red_when_its_effect_is_missing(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    made = bench.site(backup).steps()
    bench.caddy.memory[NAMES[0]] = issued(NAMES[0], starts=BEGUN, serial=0xBAD)[0]
    assert set(made.false("serves_the_backup")) == {"serves_the_backup"}
    bench.caddy.read_storage()
    bench.caddy.trusted = False
    assert "it is signed by somebody unknown" in made.false("serves_the_backup")["serves_the_backup"].saw
    bench.caddy.trusted = True
    bench.caddy.containers["caddy"]["State"]["Health"]["Status"] = "unhealthy"
    bench.caddy.containers["prometheus"] = bench.caddy.made("prometheus", bench.caddy.now)
    assert set(made.false()) == {"caddy_is_healthy", "others_are_untouched"}


@pytest.mark.parametrize("sign", ["locks/issue_cert_x.lock", "acme/ca.example/challenge_tokens/x.json", f"{CA}/new.example/new.crt"])
def test_every_sign_of_an_order_is_held_against_the_run(lost: tuple[Bench, Path], sign: str) -> None:
    bench, backup = lost
    made = bench.site(backup).steps()
    (bench.caddy.root / sign).parent.mkdir(parents=True, exist_ok=True)
    (bench.caddy.root / sign).write_text("")
    assert list(made.false()) == ["holds_the_backup"]


def test_what_caddy_notes_beside_a_certificate_is_no_order(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    made = bench.site(backup).steps()
    (bench.caddy.root / CA / NAMES[0] / f"{NAMES[0]}.json").write_text('{"renewal_info": 1}')
    (bench.caddy.root / "last_clean.json").write_text("{}")
    assert made.false() == {}


def test_it_is_not_as_before_while_something_is_missing_or_not_served(renewed: tuple[Bench, Path]) -> None:
    bench, backup = renewed
    made = bench.site(backup).steps()
    assert set(made.false(undone=True)) == {"is_as_before"}
    made.undo()
    bench.caddy.memory[NAMES[0]] = issued(NAMES[0], starts=BEGUN, serial=0xBAD)[0]
    assert f"{NAMES[0]}: BAD" in made.false(undone=True)["is_as_before"].saw.replace("0BAD", "BAD")


def test_no_private_key_is_told_or_kept_in_the_record(lost: tuple[Bench, Path]) -> None:
    bench, backup = lost
    made = bench.site(backup).steps()
    made.undo()
    plain = age.opened_with(str(KEY), backup.read_bytes())
    keys = [one.content.decode() for one in payload.read(plain).files if one.path.endswith(".key")]
    lines = [line for text in keys for line in text.splitlines() if "-----" not in line]
    told = "\n".join(map(str, [*made.events, made.run.kept, made.run.secrets, *bench.caddy.asked, *(one.do for one in made.guard.writes)]))
    assert [line for line in lines if line in told] == []
