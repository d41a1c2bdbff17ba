from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsbook.errors import NothingToUndo, Refused, UsageError
from opsbook.host import Result
from opsbook.inventory import Site
from opsbook.shell import Command
from opsbook.systems import own_ca
from tests.fake import a_run
from tests.runbooks.checkout_site import book
from tests.runbooks.web.web_site import PLACES, FakeWeb, WebSite

FIELD, ENTRY = "\x1e", "\x1f"


@dataclass
class FakeTls(FakeWeb):
    """The same stack, its services showing by TLS what they have read; openssl itself makes and judges what lies on the disk."""

    shows: dict[str, str] = field(default_factory=dict)     # fingerprints of services that do not read what lies there
    refuses: str = ""                                       # a name for which a handshake does not verify

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        if words[:1] == ["bash"] and words[2] == own_ca.HANDSHAKES:
            return Result(0, "".join(self.handshake(*words[at : at + 4]) for at in range(5, len(words), 4)))
        return super().run(command, stdin, within)

    def start(self, service: str) -> None:
        super().start(service)
        self.shows = {name: print_ for name, print_ in getattr(self, "shows", {}).items() if name != service}

    def handshake(self, address: str, port: str, kind: str, name: str) -> str:
        service = next(one for one, (_, _, its) in PLACES.items() if str(its) == port)
        print_ = self.shows.get(service) or self.print_of(service)
        code, why = ("1", "verify error:num=62:hostname mismatch") if name == self.refuses else ("0", "")
        return FIELD.join((address, port, name, code, print_, why)) + ENTRY

    def print_of(self, service: str) -> str:
        words = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(self.certs / f"{service}.crt")]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip().partition("=")[2]

    @property
    def certs(self) -> Path:
        return self.stack_folder / "certs"

    @property
    def ca(self) -> Path:
        return self.root / "home/.local/share/opsbook/ca/lcx"


def site(folder: Path, *, plan: bool = False, **params: Any) -> WebSite:
    here = FakeTls(root=folder)
    here.certs.mkdir(exist_ok=True)
    return WebSite(here, "generate-certs", params, run=a_run(plan=plan, started=time.time()))


def again(made: WebSite, **params: Any) -> WebSite:
    """Return a later run on the same stack."""
    return WebSite(made.here, made.name, params, run=a_run(started=time.time()))


def tls(made: WebSite) -> FakeTls:
    assert isinstance(made.here, FakeTls)
    return made.here


def lie(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}




def test_a_stack_without_certificates_gets_a_ca_and_one_for_each_service(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    here = tls(made)
    assert sorted(lie(here.certs)) == ["alertmanager.crt", "alertmanager.key", "ca.crt", "prometheus.crt", "prometheus.key"]
    assert [path.stat().st_mode & 0o777 for path in here.certs.glob("*.key")] == [0o400, 0o400]
    assert ((here.ca / "ca.key").stat().st_mode & 0o777, here.ca.stat().st_mode & 0o777) == (0o600, 0o700)
    assert made.false() == {}


def test_its_names_are_the_services_the_containers_the_hosts_and_the_public_ones(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.sites = (Site("prom.example", "prometheus"), Site("mail.example", "alertmanager"))
    made.steps()
    words = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(tls(made).certs / "prometheus.crt")]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for name in ("DNS:prometheus,", "DNS:lcx-prometheus-1", "DNS:localhost", "127.0.0.1", "DNS:prom.example", "DNS:lcx", "10.9.8.7"):
        assert name in shown
    assert "mail.example" not in shown


def test_the_operator_is_asked_about_the_services_that_change(tmp_path: Path) -> None:
    about = site(tmp_path).steps().guard.writes[0].about
    assert [name in about for name in ("alertmanager.crt", "prometheus.crt")] == [True, True]
    assert about.endswith("new keys and certificates, by a new CA that every client has to trust")


def test_a_second_run_changes_nothing_and_renewing_keeps_the_ca(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    before, ca = lie(tls(made).certs), lie(tls(made).ca)
    second = again(made).steps()
    assert (second.changes, lie(tls(made).certs) == before, second.false()) == ([], True, {})
    third = again(made, renew=True).steps()
    assert lie(tls(made).certs)["prometheus.crt"] != before["prometheus.crt"]
    assert {name: text for name, text in lie(tls(made).ca).items() if "before" not in name} == ca
    assert third.false() == {}


def test_only_the_one_that_is_not_good_is_made_anew(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    before = lie(tls(made).certs)
    (tls(made).certs / "alertmanager.key").chmod(0o444)
    second = again(made).steps()
    assert "everybody may read its key" in second.said
    after = lie(tls(made).certs)
    assert after["prometheus.crt"] == before["prometheus.crt"]
    assert after["alertmanager.crt"] != before["alertmanager.crt"]
    assert second.false() == {}


def test_what_has_less_than_a_third_of_its_life_left_is_renewed(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    later = again(made)
    host = later.host
    from opsbook.moves.own_certificates import judging

    state = judging.look(host)
    for share, due in ((0.5, ()), (0.7, state.wanted)):
        one = state.there[state.wanted[0].cert]
        aged = judging.State(state.folder, state.ca, state.wanted, state.there, one.starts + share * (one.ends - one.starts))
        assert judging.due(aged, 1, force=False) == due


def test_a_new_name_needs_a_new_ca_and_that_is_said(tmp_path: Path) -> None:
    made = site(tmp_path).steps()
    ca = (tls(made).ca / "ca.crt").read_bytes()
    later = again(made)
    later.sites = (Site("new.example", "prometheus"),)
    later.steps()
    assert "a new CA" in later.said
    assert "it may not sign for new.example" in later.said
    assert (tls(made).ca / "ca.crt").read_bytes() != ca
    assert later.false() == {}


def test_names_of_the_old_certificate_stay_good(tmp_path: Path) -> None:
    made = site(tmp_path)
    made.sites = (Site("old.example", "prometheus"),)
    made.steps()
    assert "old.example" not in again(made, renew=True).steps().said
    words = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(tls(made).certs / "prometheus.crt")]
    assert "old.example" in subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_a_plan_makes_nothing(tmp_path: Path) -> None:
    made = site(tmp_path, plan=True).steps()
    assert (made.changes, lie(tls(made).certs), tls(made).ca.exists()) == ([], {}, False)
    assert "there is none" in made.said


@pytest.mark.parametrize("after", ["look", "make", "give", "swap", "show"])
def test_killed_after_any_step_the_rerun_finishes_what_was_begun(tmp_path: Path, after: str) -> None:
    made = site(tmp_path)
    names = [step.__name__ for step in book("generate-certs").steps]
    made.steps(*names[: names.index(after) + 1])
    begun = next(iter(tls(made).certs.rglob("prometheus.crt")), None)
    wanted = begun.read_bytes() if begun else None
    made.steps()
    assert made.false() == {}
    if wanted:
        assert (tls(made).certs / "prometheus.crt").read_bytes() == wanted
    assert list(tls(made).certs.rglob(".opsbook-new")) == []


def test_an_undo_brings_back_what_was_there_and_removes_what_was_not(tmp_path: Path) -> None:
    first = site(tmp_path).steps()
    before = lie(tls(first).certs)
    second = again(first, renew=True).steps()
    second.undo()
    assert lie(tls(first).certs) == before
    assert second.false(undone=True) == {}
    none = site(tmp_path / "bare").steps()
    none.undo()
    none.undo()
    assert (lie(tls(none).certs), lie(tls(none).ca)) == ({}, {})


def test_an_undo_refuses_where_another_certificate_has_come_since(tmp_path: Path) -> None:
    first = site(tmp_path).steps()
    again(first, renew=True).steps()
    with pytest.raises(Refused, match="another certificate has come since"):
        first.undo()
    with pytest.raises(NothingToUndo):
        (none := again(first).steps()).undo()
    offers = book("generate-certs").offers_undo
    assert (offers(first.run.kept, None), offers(none.run.kept, None)) == (True, False)


def test_a_service_that_does_not_read_it_again_is_restarted(tmp_path: Path) -> None:
    made = site(tmp_path)
    tls(made).shows["alertmanager"] = "AA:BB"
    made.steps()
    assert tls(made).ordered == ["restart alertmanager"]
    assert made.false() == {}


def without_tls(made: WebSite) -> None:
    (tls(made).stack_folder / "config/web.yml").write_text("basic_auth_users: {}\n")


def in_a_folder_of_others(made: WebSite) -> None:
    tls(made).certs.rmdir()


def shared(made: WebSite) -> None:
    path = tls(made).stack_folder / "config/web.yml"
    path.write_text(path.read_text().replace("prometheus.crt", "alertmanager.crt"))


@pytest.mark.parametrize(
    ("trouble", "says"),
    [(without_tls, "nothing says where prometheus"), (in_a_folder_of_others, "cannot be replaced"), (shared, "two services share a file")],
)
def test_it_refuses_before_anything_is_made(tmp_path: Path, trouble: Callable[[WebSite], None], says: str) -> None:
    made = site(tmp_path)
    trouble(made)
    with pytest.raises(Refused, match=says):
        made.steps()
    assert made.changes == []


@pytest.mark.parametrize("days", [0, 9999])
def test_a_life_that_is_none_or_that_nobody_believes_is_refused(days: int) -> None:
    with pytest.raises(UsageError, match="between 1 and"):
        book("generate-certs").params(days=days)


def test_each_proof_is_red_when_its_effect_is_missing(tmp_path: Path) -> None:
    made = site(tmp_path)
    assert "every_certificate_is_good" in made.false()
    made.steps()
    here = tls(made)
    here.shows["prometheus"] = "AA:BB"
    assert set(made.false()) == {"each_shows_what_lies_there"}
    here.shows.clear()
    here.refuses = "localhost"
    assert set(made.false()) == {"each_verifies_by_its_names"}
    here.refuses = ""
    here.wide_open = False
    (here.stack_folder / "config/web.yml").write_text(here.text("config/web.yml").replace("admin:", "nobody:"))
    here.start("prometheus")
    assert "scrapes_go_on" in made.false()
