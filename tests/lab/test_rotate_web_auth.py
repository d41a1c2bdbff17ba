from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import pytest

from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from opsbook.systems.web_config import parse_web_config
from tests.lab.hunt import Hunt, hunting
from tests.lab.lcx_stack import LCX, answer, done, env, files, on_lcx, red, started
from tests.lab.process import opsbook
from tests.lab.stack_runs import killed_at_every_prompt, skipping

ROTATE = ("--lab", "rotate-web-auth")
WEB = {"prometheus": "/opt/lcx/config/web.yml", "alertmanager": "/opt/lcx/alertmanager/auth/web.yml"}
KEYS = {"prometheus": "PROM_PASSWORD", "alertmanager": "ALERTMANAGER_PASSWORD"}
NASTY = f"""a 'b' "c" $PATH \\n <&>%20 `id` #x grün {token_hex(4)}"""      # no other test's: they may run beside this one
YML, RELOAD = "/opt/lcx/prometheus/prometheus.yml", "docker kill --signal=HUP lcx-prometheus-1"
PROMPTS = 6         # one before each step, and the confirmation


def hash_in(lab: Lab, service: str) -> str:
    return parse_web_config(on_lcx(lab, 'cat "$1"', WEB[service]), WEB[service]).users["admin"]


def owners(text: str) -> list[str]:
    """Return owner and mode of each file, without what is in it."""
    return [line for line in text.splitlines() if " ./" in line and "  ./" not in line]


@pytest.fixture(scope="module")
def rotated(lcx: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hunt, dict[str, str], dict[str, str], str]]:
    """Both services rotated and watched: the hunt, the old passwords, the new ones, and the files from before."""
    renew(lcx, LCX)
    folder = tmp_path_factory.mktemp("hunt")
    old, before = {service: env(lcx)[key] for service, key in KEYS.items()}, files(lcx)
    hashes = {f"old hash of {service}": hash_in(lcx, service) for service in WEB}
    with hunting(lcx, folder, LCX) as hunt:
        hunt.run("rotate-web-auth", "prometheus", LCX, "--plan", "--debug")
        planned = files(lcx) == before
        first = hunt.run("rotate-web-auth", "alertmanager", LCX, "--yes", "--jsonl", "--debug", "--to", str(folder / "new"))
        second = hunt.run("rotate-web-auth", "prometheus", LCX, "--yes", "--new=-", "--to", str(folder / "nasty"), stdin=f"{NASTY}\n")
        hunt.run("history", "--json")
    assert (planned, first.code, second.code) == (True, 0, 0), first.text + second.text
    new = {"alertmanager": (folder / "new").read_text().removesuffix("\n"), "prometheus": NASTY}
    yield hunt, {**old, **hashes}, new, before
    renew(lcx, LCX)


def test_a_hand_over_that_fails_is_not_proven_and_the_same_run_goes_on_with_another_place(renewed_lcx: Lab, tmp_path: Path) -> None:
    ran = opsbook(*ROTATE, "alertmanager", LCX, "--yes", "--to", "!false")
    assert (ran.code, "false did not take" in ran.err) == (4, True), ran.text
    ran = opsbook(*ROTATE, "alertmanager", LCX, "--yes", "--to", str(tmp_path / "new"))
    assert (ran.code, "going on with the unfinished run" in ran.err) == (0, True), ran.text
    assert answer(renewed_lcx, "alertmanager", (tmp_path / "new").read_text().removesuffix("\n")) == "200"


def test_the_new_passwords_open_and_the_old_ones_do_not(
    lcx: Lab, rotated: tuple[Hunt, dict[str, str], dict[str, str], str]
) -> None:
    hunt, old, new, _ = rotated
    assert {service: answer(lcx, service, new[service]) for service in KEYS} == dict.fromkeys(KEYS, "200")
    assert {service: answer(lcx, service, old[service]) for service in KEYS} == dict.fromkeys(KEYS, "401")
    assert {service: env(lcx)[key] for service, key in KEYS.items()} == new
    assert (hunt.folder / "nasty").read_text() == f"{NASTY}\n"


def test_owners_modes_and_the_rest_of_every_file_are_as_before(
    lcx: Lab, rotated: tuple[Hunt, dict[str, str], dict[str, str], str]
) -> None:
    *_, before = rotated
    now = files(lcx)
    assert owners(now) == owners(before)
    changed = {line.split()[1] for line in set(now.splitlines()) - set(before.splitlines())}
    assert changed == {
        "./.env", "./alertmanager/auth/web.yml", "./config/alloy-monitoring.alloy", "./config/web.yml",
        "./grafana/provisioning/datasources/datasources.yml", "./prometheus/prometheus.yml",
    }  # fmt: skip
    assert "ca_file: /etc/certs/alertmanager.crt" in on_lcx(lcx, "cat /opt/lcx/prometheus/prometheus.yml")


def test_no_password_and_no_hash_can_be_read_anywhere_on_either_side(
    lcx: Lab, rotated: tuple[Hunt, dict[str, str], dict[str, str], str]
) -> None:
    hunt, old, new, _ = rotated
    hashes = {f"hash of {service}": hash_in(lcx, service) for service in WEB}
    assert "--project-directory=/opt/lcx" in hunt.processes     # it did see the runs
    assert hunt.finds({**old, **{f"new of {service}": value for service, value in new.items()}, **hashes}) == {}


@pytest.fixture
def fresh(lcx: Lab) -> Lab:
    """The host as it was made."""
    renew(lcx, LCX)
    return lcx


def test_killed_at_every_step_one_password_opens_and_the_operator_has_it(fresh: Lab, tmp_path: Path) -> None:
    words = (*ROTATE, "prometheus", LCX, "--to", str(tmp_path / "new"))
    killed, seen = killed_at_every_prompt(fresh, *words)
    assert (killed, "changed, and proven" in seen) == (PROMPTS, True), seen
    new = (tmp_path / "new").read_text().strip()
    assert (answer(fresh, "prometheus", new), env(fresh)["PROM_PASSWORD"]) == ("200", new)
    assert "record.json" not in on_lcx(fresh, "ls ~claude-admin/.local/state/opsbook")


def test_where_the_proof_fails_all_is_put_back_and_the_old_password_proven(fresh: Lab, tmp_path: Path) -> None:
    before, old = files(fresh), env(fresh)["ALERTMANAGER_PASSWORD"]
    words = (*ROTATE, "alertmanager", LCX, "--to", str(tmp_path / "new"))
    code, seen = skipping("Let those who log in with it read their files again", *words)
    assert code == 5, seen
    assert "NOT TRUE Prometheus gets in with the new password" in seen
    assert (files(fresh), answer(fresh, "alertmanager", old), (tmp_path / "new").exists()) == (before, "200", False)


BROKEN: dict[str, tuple[str, str, set[str]]] = {       # what is done, how it is mended, and which sentences are red meanwhile
    "everybody is let in": (
        "cp {web} /tmp/web; sed --in-place /basic_auth_users/,+1d {web}",
        "cat /tmp/web > {web}; rm /tmp/web",
        {"turns_strangers_away", "turns_the_old_one_away", "nothing_else_changed", "turns_the_new_one_away", "files_are_as_before"},
    ),
    "nobody is let in": (
        "cp {web} /tmp/web; sed --in-place 's/^  admin:/  nobody:/' {web}",
        "cat /tmp/web > {web}; rm /tmp/web",
        {"lets_the_new_one_in", "nothing_else_changed", "lets_the_old_one_in", "files_are_as_before"},
    ),
    "another password in .env": (
        "cp /opt/lcx/.env /tmp/env; sed --in-place s/^ALERTMANAGER_PASSWORD=.*/ALERTMANAGER_PASSWORD=another/ /opt/lcx/.env",
        "cat /tmp/env > /opt/lcx/.env; rm /tmp/env",
        {"env_has_the_new_one", "nothing_else_changed"},
    ),
    "a client with an old file": (
        f"cp {YML} /tmp/yml; sed --in-place '/job_name: alertmanager/,$s/password: .*/password: wrong/' {YML}; {RELOAD}",
        f"cat /tmp/yml > {YML}; rm /tmp/yml; {RELOAD}",
        {"clients_get_in", "nothing_else_changed"},
    ),
    "paused": ("docker pause lcx-alertmanager-1", "docker unpause lcx-alertmanager-1", {"is_healthy"}),
    "the neighbour restarted": ("docker restart lcx-prometheus-1", "", {"others_are_untouched"}),
}  # fmt: skip


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing(fresh: Lab) -> None:
    with done(fresh, "rotate-web-auth", {"service": "alertmanager"}, "a-new-one-of-mine") as (host, p, found):
        back = ("lets_the_old_one_in", "turns_the_new_one_away", "files_are_as_before")
        assert set(red(host, p, found.undone, back)) == set(back)
        for name, (spoil, mend, wanted) in BROKEN.items():
            on_lcx(fresh, spoil.format(web=WEB["alertmanager"]))
            host.run.kept["in_effect_since"] = host.now()
            seen = red(host, p, {*found.proof, *found.undone}, wanted)
            on_lcx(fresh, mend.format(web=WEB["alertmanager"]))
            assert set(seen) == wanted, (name, seen)
        crashing = _killing(fresh, host.pause)
        assert set(red(replace(host, pause=crashing), p, found.proof, ["does_not_restart"])) == {"does_not_restart"}
    on_lcx(fresh, "docker restart lcx-alertmanager-1")


def _killing(lab: Lab, pause: Callable[[float], None]) -> Callable[[float], None]:
    """Return a pause in which Alertmanager dies, the first time."""
    left = ["kill -9 $(docker inspect --format '{{.State.Pid}}' lcx-alertmanager-1)"]

    def paused(seconds: float) -> None:
        if left:
            on_lcx(lab, left.pop())
        pause(seconds)

    return paused


def test_a_file_mounted_alone_needs_a_restart_and_a_folder_is_read_at_each_request(fresh: Lab) -> None:
    """exporter-toolkit reads web.yml at each request; what decides is whether the process can see the new file at all."""
    before = started(fresh)
    assert opsbook(*ROTATE, "alertmanager", LCX, "--yes", "--to", "!cat").code == 0
    assert started(fresh) == before
    ran = opsbook(*ROTATE, "prometheus", LCX, "--yes", "--to", "!cat")
    assert (ran.code, "change   restart prometheus" in ran.err) == (0, True), ran.text
    assert [line for line in started(fresh).splitlines() if "alertmanager" in line] == [
        line for line in before.splitlines() if "alertmanager" in line
    ]
