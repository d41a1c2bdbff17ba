from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from tests.lab.hunt import expect_unseen, hunting
from tests.lab.lcx_stack import LCX, done, files, on_lcx, red, started
from tests.lab.private_keys import keys_in, parts
from tests.lab.process import opsbook
from tests.lab.stack_runs import killed_at_every_prompt

GENERATE = ("--lab", "generate-certs", LCX, f"--confirm={LCX}")
CERTS = "/opt/lcx/certs"
CA = "/home/claude-admin/.local/share/opsbook/ca/lcx"
# as a client on another network would: by the name, against the file that everybody may have, and no other CA
TRUSTED = f"""
cd {CERTS}
for one in prometheus:9090 alertmanager:9093; do
    service=${{one%:*}} port=${{one#*:}}
    curl --silent --output /dev/null --write-out '%{{http_code}} ' --cacert ca.crt --connect-to "$service:$port:127.0.0.1:$port" "https://$service:$port/"
    curl --silent --output /dev/null --write-out '%{{http_code}} ' --cacert "$service.crt" "https://localhost:$port/"
done
"""
PROMPTS = 6         # one before each step, and the confirmation


@pytest.fixture
def fresh(lcx: Lab) -> Iterator[Lab]:
    """The host as it was made."""
    renew(lcx, LCX)
    on_lcx(lcx, f"rm --recursive --force -- {CERTS}/.opsbook-* {CA}")
    yield lcx
    renew(lcx, LCX)
    on_lcx(lcx, f"rm --recursive --force -- {CERTS}/.opsbook-* {CA}")


def test_they_are_made_once_trusted_by_clients_and_undone_to_what_was(fresh: Lab) -> None:
    before, running = files(fresh), started(fresh)
    plan = opsbook(*GENERATE, "--plan")
    assert (plan.code, "a new CA in" in plan.err, files(fresh) == before) == (0, True, True), plan.text
    first = opsbook(*GENERATE)
    assert (first.code, "changed, and proven" in first.err) == (0, True), first.text
    assert on_lcx(fresh, TRUSTED) == "401 401 401 401 "
    keys = on_lcx(fresh, f"stat --format='%U %a' {CERTS}/*.key {CA}/ca.key").splitlines()
    assert keys == ["nobody 400", "nobody 400", "claude-admin 600"]
    made = files(fresh)
    again = opsbook(*GENERATE)
    assert (again.code, "nothing was changed" in again.err, files(fresh) == made) == (0, True, True), again.text
    assert started(fresh) == running        # the folder is mounted, and exporter-toolkit reads it at each handshake
    run = next(line.split()[-2] for line in first.err.splitlines() if "to take it back: " in line)
    undone = opsbook("--lab", "undo", run, LCX, f"--confirm={LCX}")
    assert (undone.code, files(fresh) == before) == (0, True), undone.text


def test_no_key_is_seen_anywhere_or_leaves_the_host(fresh: Lab, tmp_path: Path) -> None:
    old = keys_in(fresh, LCX, CERTS)
    with hunting(fresh, tmp_path, LCX) as hunt:
        ran = hunt.run("generate-certs", LCX, f"--confirm={LCX}", "--jsonl", "--debug")
    assert ran.code == 0, ran.text
    assert "PRIVATE KEY" not in ran.text
    own = [f"{CA}/ca.key", f"{CERTS}/alertmanager.key", f"{CERTS}/prometheus.key"]
    kept = [f"{CERTS}/.opsbook-before/alertmanager.key", f"{CERTS}/.opsbook-before/prometheus.key"]
    shown = on_lcx(fresh, f"grep --recursive --files-with-matches 'PRIVATE KEY' /tmp ~claude-admin {CERTS}").split()
    assert sorted(shown) == sorted([*own, *kept])
    new = {**keys_in(fresh, LCX, CA), **keys_in(fresh, LCX, CERTS)}
    assert (len(old), sorted(new)) == (2, sorted([*own, *kept]))
    secrets = {**parts(old, "before"), **parts(new, "after")}
    expect_unseen(hunt, secrets, run="generate-certs", work=f"{CERTS}/prometheus.key")


def test_killed_at_every_step_it_makes_them_once(fresh: Lab) -> None:
    killed, seen = killed_at_every_prompt(fresh, *GENERATE)
    assert (killed, "changed, and proven" in seen) == (PROMPTS - 1, True), seen
    assert on_lcx(fresh, TRUSTED) == "401 401 401 401 "
    assert on_lcx(fresh, f"ls -A {CERTS} {CA} | grep --count opsbook-new || true").strip() == "0"


OTHER = f"""
cd {CERTS}; cp --preserve prometheus.crt prometheus.key /tmp/
openssl req -x509 -nodes -newkey rsa:2048 -days 2 -keyout prometheus.key -out prometheus.crt -subj /CN=other \\
    -addext subjectAltName=DNS:prometheus 2>/dev/null
chown nobody prometheus.key
"""
BACK = f"cp --preserve /tmp/prometheus.crt /tmp/prometheus.key {CERTS}/; rm /tmp/prometheus.crt /tmp/prometheus.key"
BROKEN: dict[str, tuple[str, str, set[str]]] = {        # what is done, how it is mended, and which sentences are red meanwhile
    "somebody else's certificate": (OTHER, BACK, {"every_certificate_is_good", "each_verifies_by_its_names"}),
    "everybody may read a key": (
        f"chmod 0444 {CERTS}/alertmanager.key", f"chmod 0400 {CERTS}/alertmanager.key", {"every_certificate_is_good"},
    ),
    "its own process cannot read it": (
        f"chown 1000 {CERTS}/alertmanager.key", f"chown nobody {CERTS}/alertmanager.key",
        {"every_certificate_is_good", "each_shows_what_lies_there", "each_verifies_by_its_names"},
    ),
    "paused": (
        "docker pause lcx-alertmanager-1", "docker unpause lcx-alertmanager-1",
        {"each_is_healthy", "each_shows_what_lies_there", "each_verifies_by_its_names", "scrapes_go_on"},
    ),
}  # fmt: skip


def test_each_sentence_of_the_proof_is_red_where_its_effect_is_missing(fresh: Lab) -> None:
    with done(fresh, "generate-certs", {}) as (host, p, found):
        assert set(red(host, p, found.undone, ["files_are_as_before"])) == {"files_are_as_before"}
        for name, (spoil, mend, wanted) in BROKEN.items():
            on_lcx(fresh, spoil)
            host.run.kept["in_effect_since"] = host.now()
            seen = red(host, p, found.proof, wanted)
            on_lcx(fresh, mend)
            assert set(seen) == wanted, (name, seen)
        on_lcx(fresh, "docker pause lcx-prometheus-1")
        assert set(red(host, p, found.undone, ["each_shows_the_old_one"])) == {"each_shows_the_old_one"}
        on_lcx(fresh, "docker unpause lcx-prometheus-1; docker restart lcx-prometheus-1 lcx-alertmanager-1")
        kept = {**host.run.kept, "neighbours": {"lcx-alertmanager-1": ["gone", 0, 0, True]}}
        assert set(red(replace(host, run=replace(host.run, kept=kept)), p, found.proof[-1:])) == {"others_are_untouched"}
