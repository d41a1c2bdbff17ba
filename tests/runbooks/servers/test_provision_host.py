from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from opsbook.check import Seen, look_once
from opsbook.errors import NotTrue, PlanEnds, Refused
from opsbook.events import Event
from opsbook.host import Host, Run
from opsbook.inventory import HostEntry
from opsbook.privileged import ALL, LOOK, SUDOERS, UNITS, sudoers
from opsbook.systems.sshd import FILE, FOLDER, MAIN
from tests.fake import FakeGuard, a_run
from tests.runbooks.checkout_site import book
from tests.runbooks.servers.bare_server import INCLUDE, NAME, OPEN, SERVER, Account, BareServer, File, server

BOOK = book("provision-host")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKpC0J8vD0rGqT2m3T6mGk1wJm1D3f9vV3m2pW3k4T5a anna@laptop"
COLLEAGUE = KEY.replace("AAAAIKpC", "AAAAIKpD").replace("anna@laptop", "ben@desk")
ARM = "let the host put the settings of the sshd back in 60 s unless a new login confirms them"


@dataclass
class Site:
    """The runbook on such a server."""

    here: BareServer = field(default_factory=BareServer)
    run: Run = field(default_factory=a_run)
    entry: HostEntry = SERVER
    key: str | None = KEY
    guard: FakeGuard = field(default_factory=FakeGuard)
    events: list[Event] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return replace(server(self.here, self.guard, self.run, self.entry), tell=self.events.append)

    def steps(self) -> Site:
        for step in BOOK.steps:
            step(self.host, BOOK.params(key=self.key))
        return self

    def undo(self) -> Site:
        for step in BOOK.undo:
            step(self.host, BOOK.params(key=self.key))
        return self

    def false(self, *, undone: bool = False) -> dict[str, Seen]:
        checks = BOOK.undone if undone else BOOK.proof
        seen = {check.__name__: look_once(self.host, check, BOOK.params(key=self.key)) for check in checks}
        return {name: one for name, one in seen.items() if not one.ok}

    @property
    def changes(self) -> list[str]:
        return [change.title for change in self.guard.writes]


def test_a_bare_server_gets_a_user_with_its_key_the_programs_and_a_closed_sshd() -> None:
    site = Site().steps()
    assert site.changes == [
        f"make the user {NAME}",
        f"give {NAME} the folder /home/{NAME}/.ssh",
        f"write /home/{NAME}/.ssh/authorized_keys",
        *(f"write {act.path}" for act in ALL),
        f"write {SUDOERS}",
        ARM,
        f"write {FILE}",
        "let sshd read its settings anew",
        "confirm the new settings from a new login",
    ]
    assert site.guard.writes[0].about == f"make the user {NAME}, and let only it in, with its key: not root, no password"
    assert site.false() == {}
    assert site.here.account == Account(keys=[KEY])


def test_a_second_run_changes_nothing_neither_as_root_nor_as_the_user() -> None:
    here = Site().steps().here
    for login in ("root", "debian", NAME):
        again = Site(replace(here, login=login)).steps()
        assert (again.changes, again.false()) == ([], {})


def test_a_plan_ends_where_the_rest_depends_on_the_change_and_changes_nothing() -> None:
    site = Site(run=a_run(plan=True))
    with pytest.raises(PlanEnds):
        site.steps()
    assert (site.changes, site.here.account, site.here.files) == ([], None, {})


def test_the_user_itself_only_looks_and_names_what_root_must_do() -> None:
    here = Site().steps().here
    here.login, here.files[UNITS.path] = NAME, File("#!/bin/bash -p\n", 0o755)
    site = Site(here)
    with pytest.raises(Refused) as refused:
        site.steps()
    assert refused.value.next.startswith(f"opsbook provision-host '--key={KEY}' serverC --as root ")
    assert f"{UNITS.path} is another version" in refused.value.saw
    assert site.changes == []


def test_while_the_host_is_about_to_let_root_in_again_the_user_is_told_how_long_to_wait() -> None:
    here = Site().steps().here
    here.login, here.armed = NAME, "0123456789abcdef"
    with pytest.raises(Refused) as refused:
        Site(here).steps()
    assert refused.value.next.startswith("in 89 s, when the host has let root in again by itself: opsbook provision-host ")


@pytest.mark.parametrize("missing", [LOOK.path, SUDOERS])
def test_where_the_user_cannot_even_look_that_is_said(missing: str) -> None:
    here = Site().steps().here
    here.login = NAME
    del here.files[missing]
    with pytest.raises(Refused, match=f"{NAME} cannot look at root's part"):
        Site(here).steps()


def test_a_login_that_may_not_become_root_is_refused() -> None:
    with pytest.raises(Refused, match="nobody is not root, and sudo does not make it root"):
        Site(BareServer(login="nobody")).steps()


@pytest.mark.parametrize("user", [None, "root", "Anna", "a b"])
def test_the_inventory_must_name_a_user_that_can_be_made(user: str | None) -> None:
    with pytest.raises(Refused, match="the inventory must name the user"):
        Site(entry=replace(SERVER, user=user)).steps()


REFUSALS = {
    "no key": (Site(key=None), "there is no public key to let in"),
    "no public key": (Site(key="ssh-ed25519 AAAA"), "there is no public key to let in"),
    "no file": (Site(key="/nowhere/key.pub"), "there is no public key to let in"),
    "a match block": (
        Site(BareServer(said=f"{INCLUDE}{MAIN}:70:Match all\n{MAIN}:71:PasswordAuthentication yes\n")), "would win over ours",
    ),
    "an earlier file": (Site(BareServer(said=f"{INCLUDE}{FOLDER}/00-a.conf:1:PermitRootLogin yes\n")), "would win over ours"),
    "more rights": (Site(BareServer(account=Account(), sudo="(ALL) NOPASSWD: ALL")), "do more than is meant"),
    "restrictions": (Site(BareServer(account=Account(keys=[f'command="id" {KEY}']))), "the key is let in with restrictions"),
    "no sudo": (Site(BareServer(has_sudo=False)), "this host has no sudo"),
    "no docker": (Site(entry=replace(SERVER, roles=("docker",))), "there is no group docker"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_what_would_be_in_the_way_is_refused_before_anything_is_changed(name: str) -> None:
    site, words = REFUSALS[name]
    with pytest.raises(Refused, match=words):
        site.steps()
    assert site.changes == []


def test_a_private_key_never_gets_anywhere() -> None:
    with pytest.raises(ValueError, match="never the private one"):
        BOOK.params(key="-----BEGIN OPENSSH PRIVATE KEY-----")


def test_a_key_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text(f"{KEY}\n")
    account = Site(key=str(tmp_path / "id.pub")).steps().here.account
    assert (account.keys if account else None) == [KEY]


def test_a_user_that_was_there_keeps_its_keys_and_gets_its_folder() -> None:
    here = BareServer(account=Account(folder="700 root directory", keys=[COLLEAGUE], keys_about="600 root regular file"))
    site = Site(here).steps()
    assert here.account == Account(keys=[COLLEAGUE, KEY])
    assert f"make the user {NAME}" not in site.changes
    site.undo()
    assert (here.account, site.false(undone=True)) == (Account(keys=[COLLEAGUE]), {})


def test_the_group_docker_is_given_where_the_role_asks_for_it_and_else_taken() -> None:
    asked = Site(BareServer(groups={"docker"}), entry=replace(SERVER, roles=("docker",))).steps()
    assert asked.here.account is not None
    assert "docker" in asked.here.account.groups
    assert asked.false() == {}
    other = Site(BareServer(account=Account(groups=[NAME, "docker"]), groups={"docker"})).steps()
    assert (other.here.account is not None and other.here.account.groups) == [NAME]


def test_a_sshd_that_is_away_for_a_moment_is_waited_for() -> None:
    assert Site(BareServer(away=3)).steps().false() == {}


def test_without_a_new_login_sshd_is_never_touched() -> None:
    site = Site(BareServer(opens=False))
    with pytest.raises(NotTrue, match="A new login by key gets in"):
        site.steps()
    assert (ARM in site.changes, FILE in site.here.files, site.here.runs) == (False, False, OPEN)


def test_rights_that_are_too_many_are_seen_before_sshd_is_touched() -> None:
    here = BareServer(account=Account(), sudo="(ALL) NOPASSWD: ALL", files={SUDOERS: File("older\n", 0o440)})
    site = Site(here)
    with pytest.raises(NotTrue, match="nothing else"):
        site.steps()
    assert FILE not in here.files


def test_a_change_of_a_killed_run_that_nobody_has_confirmed_is_made_again() -> None:
    here = Site().steps().here
    here.armed = "0123456789abcdef"
    site = Site(here)
    assert "takes_keys_only" in site.false()
    site.steps()
    assert ARM in site.changes
    assert site.false() == {}


def test_an_undo_leaves_nothing_behind_and_puts_older_files_back() -> None:
    older = {UNITS.path: File("older\n", 0o755)}
    site = Site(BareServer(files=dict(older))).steps()
    assert "still there" in site.false(undone=True)["is_as_before"].saw
    site.undo()
    assert (site.here.account, site.here.files, site.here.runs) == (None, older, OPEN)
    assert site.false(undone=True) == {}


def test_a_program_of_an_older_opsbook_that_the_run_had_placed_is_taken_back_too() -> None:
    site = Site().steps()
    older = File("an older version\n", 0o755)
    site.here.files[UNITS.path] = older
    site.run.kept["placed"][UNITS.path] = older.sha256
    assert site.undo().here.files == {}


def test_an_undo_refuses_what_somebody_has_changed_since_and_whoever_is_not_root() -> None:
    site = Site().steps()
    site.here.files[FILE] = File("Port 22\n", 0o644)
    with pytest.raises(Refused, match="somebody has changed what would be taken away"):
        site.undo()
    site.here.login = NAME
    with pytest.raises(Refused, match="only root can take this back"):
        site.undo()


def test_each_sentence_is_red_where_its_effect_is_missing() -> None:
    def red(**changes: object) -> set[str]:
        here = Site().steps().here
        for name, value in changes.items():
            setattr(here, name, value)
        return set(Site(here).false())

    every_login = {"gets_in", "may_do_what_is_meant", "reaches_docker"}
    assert red(opens=False) == every_login
    assert red(account=None) == {*every_login, "is_there", "lets_the_key_in"}
    assert red(account=Account(keys=[COLLEAGUE])) == {"lets_the_key_in"}
    assert red(account=Account(groups=[NAME, "docker"], keys=[KEY])) == {"is_there", "reaches_docker"}
    assert red(sudo="(root) NOPASSWD: /usr/bin/id") == {"may_do_what_is_meant"}
    assert red(runs=dict(OPEN)) == {"takes_keys_only"}
    files = Site().steps().here.files
    assert red(files={**files, LOOK.path: File("x", 0o755)}) == {"programs_are_ours"}
    assert red(files={**files, f"{LOOK.path}-too": File("x", 0o755)}) == {"programs_are_ours"}
    assert red(files={**files, SUDOERS: File(sudoers(NAME), 0o644)}) == {"rules_are_ours"}
    assert red(files={path: one for path, one in files.items() if path != FILE}) == {"takes_keys_only"}
