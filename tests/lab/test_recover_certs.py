"""Caddy gets its certificates again by real ACME: as few orders as can be, one new process, and proofs that go red."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opsbook.check import Seen, look_once
from opsbook.host import Host
from opsbook.lab import authority, sites
from opsbook.lab.breaking import break_, mend
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.mask import key_lines
from opsbook.moves import neighbours
from opsbook.moves.issuing import aim
from opsbook.moves.issuing.standing import standings
from tests.lab.front import SITES, issued, recover, seen_from_outside, serials
from tests.lab.hunt import Hunt, expect_unseen, hunting
from tests.lab.private_keys import keys_in, parts
from tests.lab.process import Ran, Terminal, opsbook, run_and_kill
from tests.lab.reach import VPS, on_vps
from tests.lab.snapshot import snapshot
from tests.lab.stack_runs import impatient, killed_at_every_prompt, started
from tests.runbooks.checkout_site import book
from tests.until import until

# What Caddy before 2.9 may store by itself: one account's address, and the key of another.
USERS = "users=$(docker volume inspect --format '{{.Mountpoint}}' \"$1\")/caddy/acme/ca.lab.invalid-acme-local-directory/users/default"
KEEP_ACCOUNT = f'{USERS}; cat "$users/default.json"'
ANOTHERS_KEY = f"""
{USERS}
mkdir -p "$users"
openssl ecparam -name prime256v1 -genkey -noout > "$users/default.key"
printf '%s' "$2" > "$users/default.json"
"""
STORED = """
cd "$(docker volume inspect --format '{{.Mountpoint}}' "$1")/caddy"
find certificates -type f -exec sha256sum {} + | sort
"""
SHELL = "docker exec monitoring-caddy-1 readlink -f /bin/sh"
BOOK = book("recover-certs")
RECOVER = ("--lab", "recover-certs", VPS)
ALL = len(SITES)
STORAGE = '$(docker volume inspect --format "{{.Mountpoint}}" monitoring_caddy_data)/caddy'
KEYS = ALL + 1      # and that of the ACME account
PASSPHRASES = {"passphrase": "corréct h0rse; 'battery'", "wrong passphrase": "corréct h0rse; 'stable'"}


@pytest.fixture
def lost(town: Lab) -> Iterator[Lab]:
    """The lab while Caddy's volume is empty; afterwards it is well."""
    break_(town, "caddy-volume-lost")
    yield town
    on_vps(town, "rm -rf ~/.local/state/opsbook")
    mend(town)


def test_a_lost_volume_costs_one_order_a_site_and_a_second_run_none(lost: Lab) -> None:
    had, before = issued(lost), serials(lost)
    ran = recover()
    assert (ran.code, "changed, and proven" in ran.err) == (0, True), ran.text
    assert (issued(lost) - had, set(serials(lost)) & set(before)) == (ALL, set())
    assert all(f"{name}: has its certificate" in ran.err for name in SITES)
    now, kept = snapshot(lost), serials(lost)
    again = recover()
    assert (again.code, "nothing was changed" in again.err, "already so" in again.err) == (0, True, True), again.text
    assert (issued(lost) - had, serials(lost), snapshot(lost)) == (ALL, kept, now)


def test_a_plan_orders_nothing(lost: Lab) -> None:
    had, now = issued(lost), snapshot(lost)
    ran = opsbook(*RECOVER, "--plan")
    assert (ran.code, "then     restart caddy" in ran.err, issued(lost), snapshot(lost)) == (0, True, had, now), ran.text


def test_killed_at_every_step_it_is_resumed_with_one_process_and_one_order_a_site(lost: Lab) -> None:
    had = issued(lost)
    killed, seen = killed_at_every_prompt(lost, *RECOVER, f"--confirm={VPS}")
    assert (killed, "changed, and proven" in seen) == (3, True), seen
    assert issued(lost) - had == ALL


def test_a_volume_that_is_lost_again_after_the_new_process_costs_another_one_and_an_order_a_site_more(lost: Lab) -> None:
    had = issued(lost)
    assert run_and_kill((*RECOVER, f"--confirm={VPS}"), len(BOOK.steps), {})[0]
    assert until(lambda: len(serials(lost)) == ALL, within=60)
    process = started(lost, "caddy")
    break_(lost, "caddy-volume-lost")
    ran = recover("--wait", "30")
    assert (ran.code, "going on with the unfinished run" in ran.err, "from Caddy's memory alone" in ran.err) == (0, True, True), ran.text
    assert (issued(lost) - had, started(lost, "caddy") == process) == (2 * ALL, False)


@pytest.mark.parametrize(("fault", "says"), [
    ("dns-wrong", "DNS fails, seen from stranger"),
    ("caddyfile-broken", "Caddy could not run"),
    ("acme-down", "no certificate authority answers"),
    ("cert-expiring", "no certificate authority answers"),
])
def test_an_order_that_would_fail_is_refused_and_changes_nothing(lost: Lab, fault: str, says: str) -> None:
    break_(lost, fault)
    now = snapshot(lost)
    ran = recover()
    assert (ran.code, says in ran.err, "nothing was changed" in ran.err) == (3, True, True), ran.text
    assert snapshot(lost) == now


def test_certificates_that_ended_are_replaced_once_the_authority_answers(town: Lab) -> None:
    break_(town, "cert-expiring", "0")
    script(town.container(authority.NAME), authority.SERVE)
    ran = recover()
    assert (ran.code, "its certificate ended 1 h ago" in ran.err, "changed, and proven" in ran.err) == (0, True, True), ran.text
    mend(town)


def test_an_account_that_the_authority_does_not_take_is_made_anew(town: Lab) -> None:
    account = script(town.container(VPS), KEEP_ACCOUNT, sites.VOLUME)
    break_(town, "caddy-volume-lost")
    script(town.container(VPS), ANOTHERS_KEY, sites.VOLUME, account)
    ran = recover()
    assert (ran.code, "acme:error:malformed" in ran.err, "changed, and proven" in ran.err) == (0, True, True), ran.text
    assert "set the ACME account aside that the authority does not take" in ran.err
    mend(town)


def test_an_authority_that_goes_down_meanwhile_ends_in_a_red_proof_and_a_rerun_follows(lost: Lab, tmp_path: Path) -> None:
    had = issued(lost)
    terminal = Terminal((*impatient(lost, tmp_path), "recover-certs", VPS)).start()
    assert terminal.prompt(), terminal.seen
    script(lost.container(authority.NAME), authority.STOP)
    terminal.answer(VPS)
    assert terminal.end() == 4, terminal.seen
    assert "it is served with none; nothing is served" in terminal.seen
    assert "Caddy said: could not get certificate from issuer" in " ".join(terminal.seen.split())
    process = started(lost, "caddy")
    script(lost.container(authority.NAME), authority.SERVE)
    ran = recover()
    assert (ran.code, "going on with the unfinished run" in ran.err) == (0, True), ran.text
    assert (issued(lost) - had, started(lost, "caddy")) == (ALL, process)


def test_force_orders_new_ones_although_all_is_well_and_no_key_is_seen_anywhere(town: Lab, tmp_path: Path) -> None:
    had, before, old = issued(town), serials(town), keys_in(town, VPS, STORAGE)
    with hunting(town, tmp_path) as hunt:
        ran = hunt.run("recover-certs", VPS, "--force", f"--confirm={VPS}", "--jsonl", "--debug")
    assert (ran.code, issued(town) - had, set(serials(town)) & set(before)) == (0, ALL, set()), ran.text
    new = keys_in(town, VPS, STORAGE)
    assert (len(old) >= KEYS, len(set(new.values()) - set(old.values()))) == (True, ALL)
    expect_unseen(hunt, {**parts(old, "before"), **parts(new, "after")}, run="recover-certs", work="--log-driver=none")


def test_a_force_whose_orders_come_to_nothing_undoes_itself_through_caddys_own_busybox(town: Lab, tmp_path: Path) -> None:
    had, before, stored = issued(town), serials(town), script(town.container(VPS), STORED, sites.VOLUME)
    terminal = Terminal((*impatient(town, tmp_path, settle=10), "recover-certs", VPS, "--force")).start()
    assert terminal.prompt(), terminal.seen
    script(town.container(authority.NAME), authority.STOP)
    terminal.answer(VPS)
    code = terminal.end()
    script(town.container(authority.NAME), authority.SERVE)
    assert (code, "the undo is proven" in terminal.seen) == (5, True), terminal.seen
    assert f"change   bring the certificates of {', '.join(SITES)} back that were set aside" in terminal.seen
    assert on_vps(town, SHELL).endswith("/busybox\n")
    assert (issued(town), serials(town), script(town.container(VPS), STORED, sites.VOLUME)) == (had, before, stored)
    again = recover()
    assert (again.code, "already so" in again.err, "nothing was changed" in again.err) == (0, True, True), again.text
    assert (issued(town), serials(town)) == (had, before)


def test_from_a_backup_the_same_certificates_come_back_without_an_order_and_nothing_secret_is_seen(town: Lab, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    had, before, keys = issued(town), serials(town), keys_in(town, VPS, STORAGE)
    with hunting(town, tmp_path) as hunt:
        for seal in (f"--recipient={tmp_path / 'key.pub'}", "--passphrase=-"):
            saved = hunt.run("backup-certs", VPS, seal, f"--into={tmp_path / seal[2]}", stdin=f"{PASSPHRASES['passphrase']}\n")
            assert saved.code == 0, saved.text
        break_(town, "caddy-volume-lost")
        plan = from_backup(hunt, "r", f"--identity={tmp_path / 'key'}", "--plan", "--jsonl")
        refused = from_backup(hunt, "p", "--passphrase=-", stdin=PASSPHRASES["wrong passphrase"])
        ran = from_backup(hunt, "p", "--passphrase=-", "--jsonl", stdin=PASSPHRASES["passphrase"])
    assert (plan.code, refused.code, ran.code) == (0, 3, 0), plan.text + refused.text + ran.text
    assert (issued(town), serials(town)) == (had, before)
    identity = {"identity": "\n".join(key_lines((tmp_path / "key").read_text())[1:])}      # the first line is the same in all
    secrets = {**PASSPHRASES, **parts(identity, "given"), **parts(keys, "saved")}
    expect_unseen(hunt, secrets, run="recover-certs", work="--log-driver=none")
    mend(town)


def from_backup(hunt: Hunt, folder: str, *words: str, stdin: str | None = None) -> Ran:
    """Run recover-certs with the backup in that folder, and show as much as it can."""
    (backup,) = (hunt.folder / folder).glob("*.age")
    return hunt.run("recover-certs", VPS, f"--confirm={VPS}", f"--from-backup={backup}", *words, "--debug", stdin=stdin)


def test_each_sentence_is_red_where_its_effect_is_missing(lost: Lab) -> None:
    with seen_from_outside(lost) as host:
        host.run.started = host.now()
        aim.remember(host, standings(host), host.now(), anew=True)
        neighbours.remember(host, "caddy")
        asked = questions(host)
        assert "before this run did" in asked["runs_anew"]().saw
        assert "it is still served with the old one" in asked["has_what_was_wanted"]().saw
        assert "from Caddy's memory alone" in asked["every_site_is_well_served"]().saw
        assert asked["the_world_is_served"]().ok
        on_vps(lost, "docker pause monitoring-caddy-1")
        paused = {name: asked[name]() for name in ("is_healthy", "does_not_restart")}
        on_vps(lost, "docker unpause monitoring-caddy-1; docker restart monitoring-promtail-1")
        assert [seen.ok for seen in paused.values()] == [False, False]
        assert "monitoring-promtail-1 is not the same any more" in asked["others_are_untouched"]().saw
        break_(lost, "dns-wrong")
        assert "DNS: it points to" in asked["the_world_is_served"]().saw


def questions(host: Host) -> dict[str, Callable[[], Seen]]:
    """Return the sentences by name, each to be asked once, without its wait."""
    checks = [getattr(check, "__wrapped__", check) for check in (*BOOK.proof, *BOOK.from_outside)]
    return {check.__name__: (lambda check=check: look_once(host, check, BOOK.params())) for check in checks}
