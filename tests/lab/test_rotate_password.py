from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from opsbook.check import Check, look_once
from opsbook.host import Host
from opsbook.lab import breaking
from opsbook.lab.lab import Lab
from opsbook.lab.reset import reset
from opsbook.moves.password import grafana, kept, proof
from opsbook.moves.password.users import users
from opsbook.shell import Secret
from opsbook.systems.bcrypt_hash import cost, fits
from opsbook.systems.dotenv import parse_env
from tests.lab.hunt import Hunt, hunting
from tests.lab.killing import killed_at_each, points
from tests.lab.open_host import open_host
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.reach import VPS, on_vps
from tests.lab.snapshot import snapshot
from tests.runbooks.checkout_site import book

NAME = "rotate-password"
KEY, HASH = "GRAFANA_ADMIN_PASSWORD", "CADDY_ADMIN_HASH"
ENV = "/opt/p24-infra/monitoring/.env"
NASTY = """a 'b' "c" $PATH \\n <&>%20 `id` #x grün"""
OWN = f"{NASTY}, too"
HEALTHY = """
until docker inspect --format '{{.State.Health.Status}}' monitoring-caddy-1 | grep --quiet ^healthy; do sleep 0.2; done
"""
UNPAUSE = f"docker unpause monitoring-caddy-1{HEALTHY}"
LEFT_OVER = """
find /opt/p24-infra/monitoring -maxdepth 1 -name '.env*' ! -name .env.example -printf '%m %u %p\\n'
find ~/.local/state/opsbook -path '*/done' -prune -o -type f ! -name debts.log -print
find /run/lock -name 'opsbook.holder.*'
"""
# else several rotations within five minutes, each with the old password once to see it refused, would lock everybody out
FORGET_WRONG_LOGINS = """
python3 -c '
import sqlite3, sys
with sqlite3.connect(sys.argv[1], timeout=30) as link:
    link.execute("DELETE FROM login_attempt")
' "$(docker volume inspect --format '{{.Mountpoint}}/grafana.db' monitoring_grafana_data)"
"""
STARTED = "docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}' $(docker ps --quiet) | grep -v caddy | sort"


def env(lab: Lab) -> dict[str, str]:
    return parse_env(on_vps(lab, f"cat {ENV}"))


def rotated(*words: str, stdin: str | None = None) -> Ran:
    return opsbook("--lab", NAME, VPS, f"--confirm={VPS}", *words, stdin=stdin, within=400)


@dataclass(frozen=True)
class Works:
    """Where a password works."""

    sites: bool
    grafana: bool
    env: bool


EVERYWHERE, NOWHERE = Works(sites=True, grafana=True, env=True), Works(sites=False, grafana=False, env=False)


def works(lab: Lab, password: str) -> Works:
    with open_host(lab) as host:
        who, secret = users(host, book(NAME).params()), Secret(password)
        assert who.grafana is not None
        opens = proof.opens(host, who, secret).ok
        there = env(lab)
        return Works(opens, grafana.opens(host, who.grafana, secret) is not None, there[KEY] == password and fits(secret, there[HASH]))


@pytest.fixture(scope="module")
def first(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hunt, str, str, Ran]]:
    """A rotation away from the password that the lab began with, then one that is watched: its hunt, the old one, the new one."""
    folder = tmp_path_factory.mktemp("hunt")
    assert rotated("--to", str(folder / "first")).code == 0
    old = (folder / "first").read_text().strip()
    (folder / "before").write_text(on_vps(lab, STARTED))
    with hunting(lab, folder) as hunt:
        hunt.run(NAME, VPS, "--plan", "--debug")
        ran = hunt.run(NAME, VPS, f"--confirm={VPS}", "--new=-", "--jsonl", "--debug", stdin=f"{NASTY}\n")
        hunt.run("history", "--json")
        hunt.run("history", "--on", VPS)
        hunt.run("triage", VPS, "--json")
    yield hunt, old, NASTY, ran
    reset(lab)


def test_the_new_password_works_everywhere_and_the_old_one_nowhere(lab: Lab, first: tuple[Hunt, str, str, Ran]) -> None:
    _, old, new, ran = first
    assert ran.code == 0, ran.text
    assert works(lab, new) == EVERYWHERE
    assert works(lab, old) == NOWHERE


def test_only_caddy_was_made_anew_and_env_is_still_its_owners_alone(lab: Lab, first: tuple[Hunt, str, str, Ran]) -> None:
    hunt, *_ = first
    assert on_vps(lab, STARTED) == (hunt.folder / "before").read_text()
    assert on_vps(lab, f"stat --format='%a %U' {ENV}").strip() == "600 claude-admin"
    assert cost(env(lab)[HASH]) == 10


def test_neither_password_can_be_read_anywhere_on_either_side(first: tuple[Hunt, str, str, Ran]) -> None:
    hunt, old, new, _ = first
    assert "arguments --project-directory=/opt/p24-infra/monitoring" in hunt.processes       # it did see the run
    assert "exit 0" in hunt.said[f"history --on {VPS}"]
    assert hunt.finds({"old": old, "new": new}) == {}


def test_the_hash_is_read_only_where_it_has_to_be(lab: Lab, first: tuple[Hunt, str, str, Ran]) -> None:
    hunt, *_ = first
    caddys_own = {"docker inspect", "environment on the host", "environment in the lab"}        # by design of {$VAR}
    assert set(hunt.finds({"hash": env(lab)[HASH]})) == caddys_own


def test_the_hunt_finds_what_is_there(lab: Lab, first: tuple[Hunt, str, str, Ran]) -> None:
    hunt, *_ = first
    assert {"journal", f"output of {NAME} {VPS} --plan --debug", "log of the host"} <= set(hunt.finds({"run": NAME}))
    assert "arguments on the host" in hunt.finds({"compose": "--project-directory=/opt/p24-infra/monitoring"})


def test_the_records_of_the_host_have_forgotten_both(lab: Lab, first: tuple[Hunt, str, str, Ran]) -> None:
    kept_there = on_vps(lab, "cat ~/.local/state/opsbook/done/*.json; ls ~/.local/state/opsbook")
    assert '"secrets": {}' in kept_there
    assert "record.json" not in kept_there


def test_a_generated_password_is_shown_once_on_the_terminal_and_nowhere_else(restored: Lab, tmp_path: Path) -> None:
    with hunting(restored, tmp_path) as hunt:
        terminal = hunt.terminal(NAME, VPS)
        assert terminal.prompt(), terminal.seen
        assert f"change the password {KEY} of prometheus.vps-i1" in terminal.seen
        terminal.answer(VPS)
        assert terminal.end(400) == 0, terminal.seen
    shown = re.search(r"shown this once\):\n\n {4}(\S+)\n", terminal.seen)
    assert shown, terminal.seen
    assert terminal.seen.count(shown[1]) == 1
    assert works(restored, shown[1]) == EVERYWHERE
    assert hunt.finds({"new": shown[1]}) == {}


def test_a_plan_leaves_everything_as_it_is(lab: Lab) -> None:
    before = snapshot(lab)
    ran = opsbook("--lab", NAME, VPS, "--plan")
    assert (ran.code, "then     bring up caddy" in ran.err) == (0, True), ran.text
    assert snapshot(lab) == before


def test_without_a_terminal_nothing_is_changed_and_the_other_ways_are_named(lab: Lab) -> None:
    before = snapshot(lab)
    ran = rotated()
    assert (ran.code, "give --to FILE" in ran.err) == (3, True), ran.text
    assert snapshot(lab) == before


def test_a_hand_over_that_fails_is_not_proven_and_the_same_run_goes_on_with_another_place(restored: Lab, tmp_path: Path) -> None:
    ran = rotated("--to", "!false")
    assert (ran.code, "false did not take the new password" in ran.err) == (4, True), ran.text
    ran = rotated("--to", str(tmp_path / "new"))
    assert (ran.code, "going on with the unfinished run" in ran.err) == (0, True), ran.text
    assert works(restored, (tmp_path / "new").read_text().strip()) == EVERYWHERE


def test_a_grafana_that_goes_away_half_way_leaves_the_old_password_everywhere(restored: Lab, tmp_path: Path) -> None:
    before = env(restored)
    breaking.break_(restored, "grafana-down-halfway")
    ran = rotated("--to", str(tmp_path / "new"))
    assert (ran.code, "the undo is proven" in ran.err) == (5, True), ran.text
    assert env(restored) == before
    assert works(restored, before[KEY]) == EVERYWHERE
    assert not (tmp_path / "new").exists()


def test_a_grafana_that_stays_away_needs_a_human_and_then_the_same_command_proves_the_undo(restored: Lab, tmp_path: Path) -> None:
    before = env(restored)
    breaking.break_(restored, "grafana-down-halfway", "for-good")
    ran = rotated("--to", str(tmp_path / "new"))
    assert (ran.code, "grafana does not come back" in ran.err) == (6, True), ran.text
    assert env(restored) == before
    breaking.mend(restored)
    ran = rotated("--to", str(tmp_path / "new"))
    assert (ran.code, "the undo is proven" in ran.err) == (5, True), ran.text
    assert works(restored, before[KEY]) == EVERYWHERE


def test_a_hash_that_compose_has_eaten_is_named_and_mended(restored: Lab, tmp_path: Path) -> None:
    breaking.break_(restored, "hash-in-env")
    ran = rotated("--to", str(tmp_path / "new"))
    assert (ran.code, "lets nobody in: what Caddy has is no hash" in ran.err) == (0, True), ran.text
    assert works(restored, (tmp_path / "new").read_text().strip()) == EVERYWHERE


def test_a_caddyfile_that_does_not_parse_stops_it_before_anything_is_changed(restored: Lab, tmp_path: Path) -> None:
    breaking.break_(restored, "caddyfile-broken")
    before = snapshot(restored)
    ran = rotated("--to", str(tmp_path / "new"))
    assert (ran.code, "Caddy could not run" in ran.err) == (3, True), ran.text
    assert snapshot(restored) == before


def test_killed_at_every_prompt_and_after_every_write_it_ends_with_one_password_that_the_operator_has(
    restored: Lab, first: tuple[Hunt, str, str, Ran], tmp_path: Path
) -> None:
    left = points(first[-1].out)
    assert {"Write the password into .env", f"Write the password into .env: write {ENV}"} <= left
    while left:
        on_vps(restored, FORGET_WRONG_LOGINS, user="root")
        to = tmp_path / f"new-{len(left)}"
        killed, code, seen = killed_at_each(left, "--lab", NAME, VPS, f"--confirm={VPS}", "--to", str(to))
        assert (bool(killed), code) == (True, 0), seen
        assert works(restored, to.read_text().strip()) == EVERYWHERE
        assert on_vps(restored, LEFT_OVER) == f"600 claude-admin {ENV}\n"
        left -= killed


@pytest.mark.parametrize("shown", ["let the host bring up caddy", "give admin the password in Grafana"])
def test_killed_in_the_middle_of_a_write_the_undo_leads_back(restored: Lab, tmp_path: Path, shown: str) -> None:
    before = env(restored)
    terminal = Terminal(("--lab", NAME, VPS, f"--confirm={VPS}", "--to", str(tmp_path / "new"))).start()
    assert terminal.until(lambda new: shown in new), terminal.seen
    terminal.kill()
    terminal.end()
    run = on_vps(restored, "sed --quiet 's/^ \"id\": \"\\(.*\\)\",$/\\1/p' ~/.local/state/opsbook/record.json").strip()
    ran = opsbook("--lab", "undo", run, VPS, f"--confirm={VPS}", "--wait", "30", within=400)
    assert (ran.code, "undone, and proven" in ran.err) == (0, True), ran.text
    assert env(restored) == before
    assert works(restored, before[KEY]) == EVERYWHERE


@dataclass
class Operator:
    """Gives a password of its own."""

    def obtain(self, what: str, source: str) -> Secret:
        return Secret(OWN)

    def may_hand_over(self, what: str, to: str, secret: Secret | None) -> None:
        """Everything can be handed over."""

    def hand_over(self, what: str, secret: Secret, to: str) -> None:
        """Nobody needs it."""


def test_each_proof_is_red_while_the_real_thing_is_broken_and_so_is_each_of_the_undo(restored: Lab) -> None:
    found, p = book(NAME), book(NAME).params()
    with open_host(restored) as host:
        host.hands = Operator()
        for step in found.steps:
            step(host, p)
        on_vps(restored, HEALTHY)
        assert red(restored, host, found.proof) == set()
        broken = red(restored, host, found.proof, f"echo MORE=1 >> {ENV}; chmod 640 {ENV}", f"sed -i '/^MORE=1$/d' {ENV}; chmod 600 {ENV}")
        assert broken == {"env_has_the_new_password", "nothing_else_changed"}
        broken = red(restored, host, found.proof, "docker pause monitoring-caddy-1", UNPAUSE)
        shut = {"the_new_password_opens_every_site", "the_old_password_opens_no_site", "without_a_password_every_site_is_shut"}
        assert broken == {*shut, "caddy_is_healthy", "caddy_does_not_restart", "nothing_else_changed"}     # its mounts are unknown
        give(host, OWN, "another-password")
        broken = red(restored, host, found.proof, "docker restart monitoring-promtail-1")
        assert broken == {"grafana_takes_the_new_password", "others_are_untouched"}
        give(host, "another-password", OWN)
        for step in found.undo:
            step(host, p)
        on_vps(restored, HEALTHY)
        assert red(restored, host, found.undone) == set()
        assert red(restored, host, found.undone, f"echo MORE=1 >> {ENV}", f"sed -i '/^MORE=1$/d' {ENV}") == {"the_files_are_as_before"}
        broken = red(restored, host, found.undone, "docker pause monitoring-caddy-1", UNPAUSE)
        assert broken == {"the_old_password_opens_what_it_did", "caddy_is_healthy", "the_files_are_as_before"}
        give(host, host.run.secrets[kept.OLD], "another-password")
        assert red(restored, host, found.undone) == {"grafana_takes_the_old_password"}


def red(lab: Lab, host: Host, checks: tuple[Check[Any], ...], break_: str = "", mend: str = "") -> set[str]:
    """Return the names of the checks that are not true on the host when that was done to it, without the patience of the proof.

    Grafana is asked only where nothing is mended: each time a wrong password is among what it hears, and it locks after five.
    """
    hasty = replace(host, entry=replace(host.entry, stack=replace(host.stack, settle=1, stable=1)), _remembered={})
    on_vps(lab, break_)
    try:
        asked = {one.__name__: getattr(one, "__wrapped__", one) for one in checks if not (mend and one.__name__.startswith("grafana"))}
        return {name for name, check in asked.items() if not look_once(hasty, check, book(NAME).params()).ok}
    finally:
        on_vps(lab, mend)


def give(host: Host, old: str, new: str) -> None:
    """Change Grafana's password behind the run's back."""
    service = host.stack.service("grafana")
    grafana.give(host, service, Secret(old), Secret(new))
