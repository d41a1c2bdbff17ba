"""Caddy's certificates go into a file of the operator's and come back, in the lab's real Caddy; no order, and no key anywhere else."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from opsbook import age
from opsbook.backup import payload
from opsbook.check import look_once
from opsbook.lab import sites
from opsbook.lab.breaking import break_, mend
from opsbook.lab.docker import attempt, script
from opsbook.lab.lab import Lab
from opsbook.lab.names import sites as names
from opsbook.lab.reset import reset
from opsbook.mask import key_lines
from opsbook.shell import Secret
from tests.lab.open_host import open_host
from tests.lab.process import Ran, Terminal, opsbook
from tests.lab.reach import VPS, on_vps
from tests.lab.secrets_at_large import AtLarge, watching, ways_to_write
from tests.lab.snapshot import snapshot
from tests.lab.stack_runs import all_run, killed_at_every_prompt
from tests.runbooks.checkout_site import book
from tests.until import until

SITES = names("p24")
STORE = '$(docker volume inspect --format "{{.Mountpoint}}" monitoring_caddy_data)/caddy'
SERIALS = """
for site; do
    openssl s_client -connect 127.0.0.1:443 -servername "$site" -verify_return_error </dev/null 2>/dev/null | openssl x509 -noout -serial
done
"""
NEW_SERVER = """
cd /opt/p24-infra/monitoring
{ docker compose rm --stop --force caddy; docker volume rm monitoring_caddy_data; docker compose create caddy; } 2>&1
"""
# the patterns come on standard input; what Caddy keeps in its own volume is not looked at
SEARCH = """
patterns=$(cat)
journalctl --no-pager --output=cat | grep --fixed-strings --quiet --file=<(echo "$patterns") && echo journal
grep --recursive --files-with-matches --fixed-strings --devices=skip --file=<(echo "$patterns") \\
    /etc /home /root /run /srv /tmp /var/log /var/spool /var/tmp /var/lib/docker/containers /var/lib/docker/volumes/monitoring_loki_data
true
"""


@dataclass(frozen=True)
class Kept:
    """A backup, what opens it, and what was served when it was made."""

    lab: Lab
    folder: Path
    file: Path
    serials: str

    def restore(self, *words: str, file: Path | None = None) -> Ran:
        return opsbook("--lab", *self.words(*words, file=file), f"--confirm={VPS}", env=self.env)

    def words(self, *words: str, file: Path | None = None) -> tuple[str, ...]:
        return ("restore-certs", str(file or self.file), VPS, f"--identity={self.folder / 'key'}", *words)

    @property
    def env(self) -> dict[str, str]:
        return {"XDG_DATA_HOME": str(self.folder / "data")}


def serials(lab: Lab) -> str:
    return script(lab.container(VPS), SERIALS, *SITES)


def backed_up(lab: Lab, folder: Path) -> tuple[Ran, Path]:
    env = {"XDG_DATA_HOME": str(folder / "data")}
    ran = opsbook("--lab", "backup-certs", VPS, f"--recipient={folder / 'key.pub'}", f"--identity={folder / 'key'}", env=env)
    return ran, max(folder.glob("data/opsbook/backups/LAB/vps-i1/*.age"))


@pytest.fixture(scope="module")
def kept(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """A backup of the lab's certificates, sealed for an SSH key."""
    folder = tmp_path_factory.mktemp("operator")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    sites.renewed(lab.container(VPS))
    before = snapshot(lab)
    ran, file = backed_up(lab, folder)
    assert (ran.code, "opened again" in ran.out, snapshot(lab) == before) == (0, True, True), ran.text
    yield Kept(lab, folder, file, serials(lab))
    reset(lab)


@pytest.fixture
def without_authority(kept: Kept) -> Iterator[Kept]:
    """The lab while nothing can be ordered."""
    break_(kept.lab, "acme-down")
    yield kept
    mend(kept.lab)
    sites.renewed(kept.lab.container(VPS))


@pytest.fixture
def other_generation(kept: Kept) -> str:
    """Let Caddy have got new certificates since the backup; return what it serves."""
    script(kept.lab.container(VPS), sites.ANEW, sites.CADDY, sites.VOLUME, *SITES)
    sites.proven(kept.lab.container(VPS))
    return serials(kept.lab)


def test_a_backup_is_its_owners_alone_and_holds_what_lies_on_the_host(kept: Kept) -> None:
    modes = {f"{path.stat().st_mode & 0o777:o}" for path in (kept.file, kept.file.with_name(f"{kept.file.name}.sha256"))}
    found = payload.read(age.opened_with((kept.folder / "key").read_text(), kept.file.read_bytes()))
    there = on_vps(kept.lab, f'cd "{STORE}" && find . -type f ! -path "./locks/*" -exec sha256sum {{}} +', user="root")
    on_host = {path.removeprefix("./"): digest for digest, path in (line.split("  ") for line in there.splitlines())}
    assert (modes, dict(found.manifest.files)) == ({"600"}, on_host)
    assert (found.manifest.lab, set(found.manifest.sites)) == (True, set(SITES))


def test_a_passphrase_is_typed_twice_at_a_terminal_and_seen_nowhere(kept: Kept) -> None:
    terminal = Terminal(("--lab", "backup-certs", VPS, "--passphrase", "prompt", f"--into={kept.folder / 'typed'}"), kept.env).start()
    for _ in range(2):
        assert terminal.until(lambda new: bool(re.search(r"passphrase of the backup(, again)?: $", new))), terminal.seen
        terminal.answer("correct horse battery")
    assert terminal.end() == 0, terminal.seen
    (file,) = (kept.folder / "typed").glob("*.age")
    assert payload.read(age.opened_by(Secret("correct horse battery"), file.read_bytes())).files
    assert "horse" not in terminal.seen


def test_what_should_not_come_back_is_refused_and_nothing_is_changed(kept: Kept) -> None:
    before = snapshot(kept.lab)
    damaged = kept.folder / "damaged.age"
    damaged.write_bytes(kept.file.read_bytes()[:-1])
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", kept.folder / "other"], check=True)
    ran = kept.restore(file=damaged)
    assert (ran.code, "damaged" in ran.err) == (2, True), ran.text
    wrong = opsbook("--lab", "restore-certs", str(kept.file), VPS, f"--identity={kept.folder / 'other'}", f"--confirm={VPS}")
    assert (wrong.code, "does not open" in wrong.err) == (2, True), wrong.text
    assert snapshot(kept.lab) == before


def test_an_emptied_volume_gets_its_certificates_back_while_nothing_can_be_ordered(without_authority: Kept) -> None:
    here = without_authority
    break_(here.lab, "caddy-volume-lost")
    before = snapshot(here.lab)
    plan = opsbook("--lab", *here.words("--plan"))
    assert (plan.code, "then     swap Caddy's storage" in plan.err, snapshot(here.lab) == before) == (0, True, True), plan.text
    ran = here.restore()
    assert (ran.code, "changed, and proven" in ran.err) == (0, True), ran.text
    assert (serials(here.lab), sites.unkept(here.lab.container(VPS)), all_run(here.lab)) == (here.serials, (), True)
    again = here.restore()
    assert (again.code, "already so, and proven" in again.err) == (0, True), again.text


def test_killed_at_every_step_it_is_resumed_though_caddy_is_new_and_has_never_run(without_authority: Kept) -> None:
    here = without_authority
    on_vps(here.lab, NEW_SERVER)
    killed, seen = killed_at_every_prompt(here.lab, "--lab", *here.words(), f"--confirm={VPS}")
    assert (killed, "changed, and proven" in seen) == (3, True), seen
    assert (serials(here.lab), all_run(here.lab)) == (here.serials, True)


def test_killed_while_caddy_stands_still_the_host_starts_it_and_a_rerun_ends_it(kept: Kept, other_generation: str) -> None:
    terminal = Terminal(("--lab", *kept.words("--older"), f"--confirm={VPS}")).start()
    assert terminal.until(lambda new: "change   stop caddy" in new, within=300), terminal.seen
    terminal.kill()
    terminal.end()
    assert until(lambda: all_run(kept.lab), within=120)
    ran = kept.restore("--older", "--wait", "60")
    assert (ran.code, "going on with the unfinished run" in ran.err, serials(kept.lab)) == (0, True, kept.serials), ran.text


def test_newer_ones_stay_unless_older_is_meant_and_an_undo_brings_them_back(kept: Kept, other_generation: str) -> None:
    refused = kept.restore()
    assert (refused.code, "newer than the backup" in refused.err, serials(kept.lab)) == (3, True, other_generation), refused.text
    ran = kept.restore("--older")
    assert (ran.code, serials(kept.lab)) == (0, kept.serials), ran.text
    run = re.search(r"undo (\S+) vps-i1", ran.text)
    assert run, ran.text
    back = opsbook("--lab", "undo", run[1], VPS, f"--confirm={VPS}", "--yes")
    assert (back.code, "undone, and proven" in back.err, serials(kept.lab)) == (0, True, other_generation), back.text


def test_each_sentence_of_the_proof_is_red_while_the_real_thing_is_broken(kept: Kept) -> None:
    assert kept.restore("--older").code == 0
    given = book("restore-certs").params(backup=kept.file, identity=kept.folder / "key")
    proof = {check.__name__: getattr(check, "__wrapped__", check) for check in book("restore-certs").proof}

    with open_host(kept.lab) as host:
        book("restore-certs").steps[0](host, given)

        def red() -> dict[str, str]:
            seen = {name: look_once(host, check, given) for name, check in proof.items()}
            return {name: one.saw for name, one in seen.items() if not one.ok}

        assert red() == {}
        on_vps(kept.lab, f'touch "{STORE}/certificates/new.crt"', user="root")
        assert red() == {"holds_the_backup": "certificates/new.crt"}
        on_vps(kept.lab, f'rm "{STORE}/certificates/new.crt"; docker pause monitoring-caddy-1', user="root")
        assert "caddy is paused" in red()["caddy_is_healthy"]
        assert SITES[0] in red()["serves_the_backup"]
        on_vps(kept.lab, "docker unpause monitoring-caddy-1; docker restart monitoring-promtail-1", user="root")
        assert "monitoring-promtail-1" in red()["others_are_untouched"]


def test_no_key_is_left_or_shown_anywhere_but_in_the_volume_and_in_the_sealed_file(kept: Kept, other_generation: str) -> None:
    found = AtLarge(kept.lab, kept.folder / "site", keys_of(kept))
    found.folder.mkdir()
    (found.folder / "inventory.yaml").write_text(kept.lab.inventory.read_text())
    with watching(found), watching_here() as here:
        found.run(*kept.words("--older", "--debug", "--jsonl"), f"--confirm={VPS}")
        found.run("backup-certs", VPS, f"--recipient={kept.folder / 'key.pub'}", f"--into={found.folder / 'state'}", "--debug")
        found.run("backup-certs", VPS, f"--recipient={kept.folder / 'key.pub'}", f"--into={found.folder / 'inventory.yaml'}", "--json")
    assert sorted(found.codes.values()) == [0, 0, 3], found.said
    assert {words: shown for words, text in found.said.items() if (shown := found.shows(text))} == {}
    assert {name: shown for name, text in found.files().items() if (shown := found.shows(text))} == {}
    assert found.shows(found.journal()) == set()
    assert "docker run" in found.arguments
    assert "restore-certs" in "".join(here)
    assert found.shows(found.arguments) | found.shows("".join(here)) == set()
    patterns = "\n".join({form for value in found.secrets.values() for form in ways_to_write(value)})
    searched = attempt("exec", "--interactive", kept.lab.container(VPS), "bash", "-c", SEARCH, stdin=patterns.encode(), within=120)
    assert (searched.returncode, searched.stdout) == (0, b""), searched.stderr


def keys_of(kept: Kept) -> dict[str, str]:
    """Return a line of each private key that the backup holds and that Caddy uses now, by its path."""
    backup = payload.read(age.opened_with((kept.folder / "key").read_text(), kept.file.read_bytes()))
    keys = {one.path: one.content.decode() for one in backup.files if one.path.endswith(".key")}
    now = on_vps(kept.lab, f'cat "{STORE}"/certificates/*/*/*.key', user="root")
    return {path: key_lines(text)[0] for path, text in keys.items()} | {f"now {number}": line for number, line in enumerate(key_lines(now))}


@contextmanager
def watching_here() -> Iterator[list[str]]:
    """Keep the arguments of every process on this machine until the block ends."""
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.03):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):     # it has just ended
                    seen.append(path.read_text(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
