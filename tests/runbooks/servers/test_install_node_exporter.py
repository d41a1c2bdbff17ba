from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from opsbook.check import Seen, look_once
from opsbook.errors import CommandFailed, ConnectionLost, NothingToUndo, Refused, UsageError
from opsbook.events import Event
from opsbook.host import Host, Result, Run
from opsbook.systems.release import NO_TOOL, NOT_FETCHED, NOT_LISTED, WRONG_SUM
from tests.dialled import REFUSED, SILENT
from tests.fake import FakeGuard, a_run
from tests.fake_firewall import OFF, ON
from tests.runbooks.checkout_site import book
from tests.runbooks.servers.node_host import BY_HAND, Installed, NodeHost, server

BOOK = book("install-node-exporter")
INSTALLS = "install node_exporter 1.9.0 (amd64) on port 9100"
PACKAGES_UNIT = "/usr/lib/systemd/system/node_exporter.service"
LISTENS = "tcp LISTEN 0 128 *:9100 *:*"


@dataclass
class Site:
    """The runbook on such a host."""

    here: NodeHost = field(default_factory=NodeHost)
    run: Run = field(default_factory=a_run)
    params: dict[str, Any] = field(default_factory=dict)
    guard: FakeGuard = field(default_factory=FakeGuard)
    events: list[Event] = field(default_factory=list)

    @property
    def host(self) -> Host:
        made = server(self.here, self.guard, self.run)
        made.tell = self.events.append
        return made

    def steps(self) -> Site:
        for step in BOOK.steps:
            step(self.host, BOOK.params(**self.params))
        return self

    def undo(self) -> Site:
        for step in BOOK.undo:
            step(self.host, BOOK.params(**self.params))
        return self

    def false(self, *, undone: bool = False) -> dict[str, Seen]:
        checks = BOOK.undone if undone else (*BOOK.proof, *BOOK.from_outside)
        seen = {check.__name__: look_once(self.host, check, BOOK.params(**self.params)) for check in checks}
        return {name: one for name, one in seen.items() if not one.ok}

    @property
    def changes(self) -> list[str]:
        return [change.title for change in self.guard.writes]

    @property
    def said(self) -> str:
        return "\n".join(event.title for event in self.events)


def taken_by(program: str, unit: str) -> Callable[[NodeHost], None]:
    def take(here: NodeHost) -> None:
        here.listening, here.unit = LISTENS, unit
        here.told = f'tcp LISTEN 0 128 *:22 *:* users:(("sshd",pid=1,fd=3))\n{LISTENS} users:(("{program}",pid=4711,fd=3))\n'

    return take


def taken_by_systemd(sockets: str) -> Callable[[NodeHost], None]:
    def take(here: NodeHost) -> None:
        here.listening, here.sockets = LISTENS, sockets
        here.told = f'{LISTENS} users:(("systemd",pid=1,fd=33))\n'

    return take


EXPORTERS_SOCKET = "0.0.0.0:19100 Stream other.socket other.service\n[::]:9100     Stream exporter.socket exporter.service\n"
CONTAINERS = f"docker-{'0123456789ab' * 5}cdef.scope"


def taken_by_debians(here: NodeHost) -> None:
    here.listening, here.packaged = LISTENS, True


def another(here: NodeHost, **params: Any) -> Site:
    """Return a later run on the same host."""
    made = Site(here, params=params)
    made.run.id = "261121-0205-bbbb"
    return made


def test_on_a_new_host_it_is_installed_and_proven_from_all_sides() -> None:
    made = Site().steps()
    assert (made.changes, made.false()) == ([INSTALLS], {})


def test_a_second_run_changes_nothing_and_fetches_nothing() -> None:
    here = Site().steps().here
    here.asked.clear()
    again = another(here).steps()
    assert (again.changes, again.false()) == ([], {})
    assert "already so: This version is installed as it is meant, starts at boot, and runs" in again.said
    assert [line for line in here.asked if "mirror" in line] == []


def test_a_plan_lets_it_be_tried_and_changes_nothing() -> None:
    made = Site(run=a_run(plan=True)).steps()
    assert (made.changes, made.here.now_is) == ([], Installed())
    assert INSTALLS in made.said


def test_another_version_may_be_asked_for_and_a_wrong_word_is_none() -> None:
    made = Site(params={"version": "1.5.0"}).steps()
    assert (made.here.says, made.false()) == ("1.5.0", {})
    with pytest.raises(UsageError, match=r"--version: not a version\n.*latest"):
        BOOK.params(version="latest")


def test_what_the_operator_fetched_is_sent_once_and_accepted_by_its_sum() -> None:
    made = Site(params={"upload": True}).steps()
    name = "node_exporter-1.9.0.linux-amd64.tar.gz"
    assert made.changes == [f"send {name}", f"accept {name}", INSTALLS]
    assert made.false() == {}
    here = NodeHost(staged=made.here.staged)
    assert Site(here, params={"upload": True}).steps().changes == [INSTALLS]


def test_the_machine_decides_which_program_comes() -> None:
    made = Site(NodeHost(machine="aarch64")).steps()
    assert made.changes == ["install node_exporter 1.9.0 (arm64) on port 9100"]


def test_one_that_was_installed_by_hand_is_replaced_and_its_file_stays() -> None:
    made = Site(NodeHost(now_is=BY_HAND, listening=LISTENS)).steps()
    assert (made.changes, made.false()) == ([INSTALLS], {})
    assert "note: now /usr/local/bin/node_exporter runs; that file stays where it is" in made.said


@pytest.mark.parametrize("change", [{"unit": "edited"}, {"enabled": "disabled"}, {"active": "failed"}])
def test_what_differs_from_what_is_meant_is_mended(change: dict[str, str]) -> None:
    here = Site().steps().here
    here.now_is = replace(here.now_is, **change)
    again = another(here)
    assert "is_installed" in again.false()
    assert (again.steps().changes, again.false()) == ([INSTALLS], {})


@pytest.mark.parametrize(("break_", "says"), [
    (lambda here: setattr(here, "acts", "0" * 64), "opsbook provision-host serverA --as root"),
    (lambda here: setattr(here, "sudo", Result(1, "", "sudo: a password is required")), "cannot be run as root"),
    (lambda here: setattr(here, "listening", LISTENS), "port 9100 is taken"),
    (taken_by("node_exporter", "init.scope"), "node_exporter (process 4711) listens there"),
    (taken_by("node_exporter", "session-3.scope"), "next: kill 4711 (as root, on the host), or node_exporter: {port"),
    (taken_by("exporter", "exporter.service"), "next: systemctl disable --now exporter.service (as root, on the host), or"),
    (taken_by("exporter", "user@1000.service"), "next: kill 4711 (as root, on the host), or"),
    (taken_by("docker-proxy", "docker.service"), "next: stop the container that docker ps --filter=publish=9100 names, or"),
    (taken_by("python3", CONTAINERS), "next: stop the container that docker ps --filter=id=0123456789ab names, or node_exporter: {port"),
    (taken_by_systemd(EXPORTERS_SOCKET), "next: systemctl disable --now exporter.socket exporter.service (as root, on the host), or"),
    (taken_by_systemd("*:9100 Stream one.socket one@.service\n"), "next: systemctl disable --now one.socket (as root, on the host), or"),
    (taken_by_systemd(""), "next: stop what systemctl list-sockets shows for port 9100 (as root, on the host), or"),
    (taken_by_debians, "systemctl disable --now prometheus-node-exporter.service"),
    (lambda here: setattr(here, "path", PACKAGES_UNIT), f"systemd has it from {PACKAGES_UNIT}"),
    (lambda here: setattr(here, "target", False), "serverF does not scrape 192.0.2.12:9100"),
    (lambda here: setattr(here, "from_scraper", Result(124)), "opsbook open-scrape-ports serverA"),
    (lambda here: setattr(here, "from_stranger", Result(0)), "no firewall keeps strangers out"),
    (lambda here: setattr(here, "sshd", SILENT), "nobody can tell whether strangers are kept out"),
    (lambda here: setattr(here, "machine", "vax"), "upstream builds nothing for vax"),
    (lambda here: setattr(here, "fetching", Result(WRONG_SUM, "", "it is not")), "has the wrong checksum"),
    (lambda here: setattr(here, "fetching", Result(NOT_LISTED)), "is it a version that was released?"),
    (lambda here: setattr(here, "fetching", Result(NOT_FETCHED, "", "no route")), "opsbook install-node-exporter --upload serverA"),
    (lambda here: setattr(here, "fetching", Result(NO_TOOL)), "opsbook install-node-exporter --upload serverA"),
    (lambda here: setattr(here, "judgement", Result(65, "", "it does not run here")), "it does not run here"),
])  # fmt: skip
def test_a_no_comes_before_anything_is_changed(break_: Callable[[NodeHost], None], says: str) -> None:
    made = Site()
    break_(made.here)
    with pytest.raises(Refused) as refused:
        made.steps()
    assert (says in str(refused.value), made.changes) == (True, []), refused.value


@pytest.mark.parametrize(("look", "command"), [
    (ON, "opsbook open-scrape-ports serverA"),
    (OFF, "opsbook open-scrape-ports --enable serverA"),
    (ON.replace("deny", "allow"), "opsbook open-scrape-ports --enable serverA"),
    (Result(1, "", "sudo: a password is required"), "opsbook open-scrape-ports serverA"),
])  # fmt: skip
def test_who_opens_the_port_is_named_as_the_firewall_needs_it(look: str | Result, command: str) -> None:
    kept_out, heard, red = Site(), Site(), Site().steps()
    kept_out.here.from_scraper, heard.here.from_stranger, red.here.from_stranger = Result(124), REFUSED, REFUSED
    for made in (kept_out, heard):
        made.here.look = look
        with pytest.raises(Refused) as refused:
            made.steps()
        assert refused.value.next == command
    red.here.look = look
    assert red.false()["strangers_hear_nothing"].next == command


def test_what_comes_from_the_cache_because_nobody_answers_is_told() -> None:
    made = Site(params={"upload": True, "version": "1.8.8"}).steps()
    assert (made.false(), "note: it comes from the cache" in made.said) == ({}, True)


@pytest.mark.parametrize("code", [NOT_FETCHED, NO_TOOL])
def test_the_next_command_installs_the_version_that_was_asked_for(code: int) -> None:
    made = Site(NodeHost(fetching=Result(code, "", "no route")), params={"version": "1.5.0"})
    with pytest.raises(Refused) as refused:
        made.steps()
    assert "opsbook install-node-exporter --version=1.5.0 --upload serverA" in refused.value.next


def test_what_the_operator_cannot_fetch_is_not_sent() -> None:
    made = Site(params={"upload": True, "version": "9.9.9"})
    with pytest.raises(Refused, match="there is none"):
        made.steps()
    assert made.changes == []


@pytest.mark.parametrize(("break_", "red"), [
    (lambda here: setattr(here, "mute", True), {"answers", "is_scraped", "scraper_has_this_version", "scraper_has_this_host"}),
    (lambda here: setattr(here, "deleted", True), {"is_installed", "runs_steadily"}),
    (lambda here: setattr(here, "restarts", 2), {"runs_steadily"}),
    (lambda here: setattr(here, "now_is", replace(here.now_is, start=0)), {"runs_steadily"}),
    (lambda here: setattr(here, "now_is", replace(here.now_is, unit="edited")), {"is_installed"}),
    (lambda here: setattr(here, "scrapes", False), {"is_scraped", "scraper_has_this_version", "scraper_has_this_host"}),
    (lambda here: setattr(here, "reads", "1.5.0"), {"scraper_has_this_version"}),
    (lambda here: setattr(here, "nodename", "serverB"), {"scraper_has_this_host"}),
    (lambda here: setattr(here, "from_stranger", Result(0)), {"strangers_hear_nothing"}),
    (lambda here: setattr(here, "from_stranger", Result(1, "", "x: Connection refused")), {"strangers_hear_nothing"}),
    (lambda here: setattr(here, "sshd", SILENT), {"strangers_hear_nothing"}),
])  # fmt: skip
def test_each_proof_is_red_when_its_effect_is_missing(break_: Callable[[NodeHost], None], red: set[str]) -> None:
    made = Site().steps()
    break_(made.here)
    assert set(made.false()) == red


def test_restarts_of_long_ago_are_no_fault_of_a_run_that_changes_nothing() -> None:
    here = Site().steps().here
    here.restarts = 3
    assert another(here).steps().false() == {}


def test_what_only_others_see_is_proven_last_and_is_no_reason_to_undo() -> None:
    names = [check.__name__ for check in BOOK.from_outside]
    assert names == ["is_scraped", "scraper_has_this_version", "scraper_has_this_host", "strangers_hear_nothing"]


def test_what_changes_between_the_looks_is_refused_and_not_guessed() -> None:
    here = Site().steps().here
    again = another(here)
    look, vet, install = BOOK.steps
    look(again.host, BOOK.params())
    vet(again.host, BOOK.params())
    here.now_is = replace(here.now_is, active="failed")
    with pytest.raises(Refused, match="somebody else is at work"):
        install(again.host, BOOK.params())


def test_an_undo_brings_the_one_from_before_back() -> None:
    made = Site(NodeHost(now_is=BY_HAND, listening=LISTENS)).steps().undo()
    assert (made.here.says, made.false(undone=True)) == ("1.5.0", {})


def test_an_undo_of_a_first_install_removes_it_and_a_second_undo_changes_nothing() -> None:
    made = Site().steps().undo()
    assert (made.here.says, made.false(undone=True)) == ("", {})
    before = len(made.changes)
    assert len(made.undo().changes) == before


def test_an_undo_is_refused_where_another_run_has_installed_since() -> None:
    made = Site().steps()
    another(made.here, version="1.5.0").steps()
    with pytest.raises(Refused, match="another run has installed since"):
        made.undo()


def test_there_is_nothing_to_undo_where_the_program_refused() -> None:
    made = Site(NodeHost(installing=Result(65, "", "the user node_exporter is root")))
    with pytest.raises(CommandFailed, match="is root"):
        made.steps()
    with pytest.raises(NothingToUndo):
        made.undo()
    with pytest.raises(NothingToUndo):
        Site().undo()


def test_an_undo_whose_answer_was_lost_is_known_for_done_and_nothing_is_installed_again() -> None:
    made = Site(NodeHost(now_is=BY_HAND, listening=LISTENS)).steps()
    del made.run.kept["installed_at"]       # the install's answer was lost, too
    made.here.lost = True
    with pytest.raises(ConnectionLost):
        made.undo()
    assert made.undo().false(undone=True) == {}
    assert "already so: it was put back" in made.said


def test_it_is_not_as_before_while_what_was_there_says_something_else() -> None:
    made = Site(NodeHost(now_is=BY_HAND, listening=LISTENS)).steps().undo()
    made.here.mute = True
    assert set(made.false(undone=True)) == {"is_as_before"}
    made.here.mute = False
    made.here.now_is = replace(made.here.now_is, enabled="disabled")
    assert set(made.false(undone=True)) == {"is_as_before"}


def test_a_run_that_was_killed_after_the_install_goes_on_and_can_still_be_undone() -> None:
    made = Site(NodeHost(now_is=BY_HAND, listening=LISTENS)).steps()
    del made.run.kept["installed_at"]
    assert made.steps().changes == [INSTALLS]
    assert made.false() == {}
    assert made.undo().false(undone=True) == {}
