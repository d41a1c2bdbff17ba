from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from opsbook.check import Seen, look_once
from opsbook.host import Host
from opsbook.inventory_file import load
from opsbook.lab import breaking, mirror
from opsbook.lab.docker import docker, script
from opsbook.lab.lab import Lab
from opsbook.lab.making.releases import release
from opsbook.lab.placing import Placed, tar
from opsbook.lab.renew import renew
from tests.lab.open_host import open_host
from tests.lab.process import Ran, opsbook
from tests.lab.server_state import server_state
from tests.lab.stack_runs import killed_at_every_prompt, killed_when
from tests.runbooks.checkout_site import book
from tests.until import until

HOST, NEW, OLD = "serverA", "1.9.0", "1.5.0"
INSTALL = ("--lab", "install-node-exporter", HOST)
BOOK = book("install-node-exporter")
PROGRAM, UNIT = "/usr/local/lib/opsbook/node_exporter", "/etc/systemd/system/node_exporter.service"
OPEN = 'ufw allow proto tcp from "$1" to any port 9100 comment opsbook:test >/dev/null'
SHUT = 'ufw delete allow proto tcp from "$1" to any port 9100 >/dev/null'
VERSION = """
curl --silent http://127.0.0.1:9100/metrics | sed --quiet 's/^node_exporter_build_info{.*[,{]version="\\([^"]*\\)".*/\\1/p'
"""
BLINDED = "OUTPUT --protocol tcp --dport 9100 --match owner --uid-owner 65534 --jump DROP"
SLEEPER = '#!/bin/sh\n[ "$1" != --version ] || { echo "node_exporter, version 9.9.9 (bad)"; exit; }\nexec sleep 600\n'
KEYS = r"""
curl --silent http://127.0.0.1:9100/metrics >/tmp/hardened
setpriv --reuid=node_exporter --regid=node_exporter --clear-groups "$2" --web.listen-address=127.0.0.1:9999 >/dev/null 2>&1 & pid=$!
until curl --silent --output /tmp/free http://127.0.0.1:9999/metrics; do sleep 0.05; done
kill "$pid"
series() { grep --invert-match --extended-regexp '^#|_seconds|^go_|^process_' "$1" | sed 's/ [^ ]*$//' | sort; }
diff <(series /tmp/free) <(series /tmp/hardened)
diff <(grep ^node_filesystem_readonly /tmp/free) <(grep ^node_filesystem_readonly /tmp/hardened)
diff <(grep ^node_scrape_collector_success /tmp/free) <(grep ^node_scrape_collector_success /tmp/hardened)
"""


def on_host(lab: Lab, text: str, *more: str, host: str = HOST) -> str:
    """Run a script as root on the host; `$1` is the scraper's address."""
    return script(lab.container(host), text, address(lab, "serverF"), *more)


def address(lab: Lab, name: str) -> str:
    """Return the address under which the other hosts know it."""
    return load(lab.inventory, dict(os.environ)).host(name).peer_address or ""


def version(lab: Lab) -> str:
    """Return the version that answers on the host; empty when nothing does."""
    return on_host(lab, VERSION).strip()


def but_backups(state: str) -> list[str]:
    """Return what a server is like, without the copies that useradd and userdel make of what they change."""
    return [line for line in state.splitlines() if not re.search(r"etc/(passwd|shadow|group|gshadow)- ?", line)]


def run_id(ran: Ran) -> str:
    found: str = json.loads(ran.out)["run"]
    return found


def record_id(ran: Ran) -> str:
    """Return the id of the run that was gone on with."""
    return ran.err.partition("going on with the unfinished run ")[2].split()[0]


def changes(ran: Ran) -> list[str]:
    """Return what the journal says was changed."""
    events = json.loads(opsbook("history", "show", run_id(ran), "--json").out)["events"]
    return [event["title"] for event in events if event["kind"] == "write"]


@pytest.fixture
def closed(servers: Lab) -> Iterator[Lab]:
    """A server without an exporter, whose firewall lets nobody in."""
    renew(servers, HOST)
    yield servers
    renew(servers)


@pytest.fixture
def ready(closed: Lab) -> Lab:
    """The same, open to the scraper."""
    on_host(closed, OPEN)
    return closed


def test_planned_without_a_trace_killed_at_every_step_converged_and_undone_to_what_was(ready: Lab) -> None:
    before = server_state(ready, HOST)
    plan = opsbook(*INSTALL, "--plan")
    assert (plan.code, f"install node_exporter {NEW}" in plan.err, server_state(ready, HOST) == before) == (0, True, True), plan.text
    killed, seen = killed_at_every_prompt(ready, *INSTALL)
    assert (killed, "changed, and proven" in seen, version(ready)) == (4, True, NEW), seen
    again = opsbook(*INSTALL, "--yes", "--json")
    assert (again.code, changes(again)) == (0, []), again.text
    run = next(line.split()[-2] for line in seen.splitlines() if "to take it back: " in line)
    undone = opsbook("--lab", "undo", run, HOST, "--yes")
    assert (undone.code, but_backups(server_state(ready, HOST))) == (0, but_backups(before)), undone.text


def test_a_host_without_a_way_to_the_mirror_gets_it_from_the_operator(ready: Lab) -> None:
    on_host(ready, 'iptables --insert OUTPUT --destination "$2" --jump REJECT', address_of_mirror(ready))
    try:
        alone = opsbook(*INSTALL, "--yes")
        assert (alone.code, "install-node-exporter --upload serverA" in alone.err) == (3, True), alone.text
        sent = opsbook(*INSTALL, "--yes", "--json", "--upload", "--version", OLD)
        name = f"node_exporter-{OLD}.linux-{architecture(ready)}.tar.gz"
        assert (sent.code, changes(sent)[:2]) == (0, [f"send {name}", f"accept {name}"]), sent.text
    finally:
        on_host(ready, 'iptables --delete OUTPUT --destination "$2" --jump REJECT', address_of_mirror(ready))
    killed_when("change   install node_exporter", *INSTALL)
    newer = opsbook(*INSTALL, "--yes", "--json", "--wait", "60")
    assert (newer.code, "going on with the unfinished run" in newer.err, version(ready)) == (0, True, NEW), newer.text
    undone = opsbook("--lab", "undo", record_id(newer), HOST, "--yes")
    assert (undone.code, version(ready)) == (0, OLD), undone.text
    late = opsbook("--lab", "undo", run_id(sent), HOST, "--yes")
    assert (late.code, "another run has installed since" in late.err, version(ready)) == (3, True, OLD), late.text


def test_a_busy_old_one_is_replaced_seen_from_outside_and_put_back(ready: Lab) -> None:
    breaking.break_(ready, "text-file-busy")
    before = server_state(ready, HOST)
    on_host(ready, f"iptables --insert {BLINDED}", host="serverF")      # its Prometheus alone: whoever else dials from there gets through
    blind = opsbook(*INSTALL, "--yes")
    on_host(ready, f"iptables --delete {BLINDED}", host="serverF")
    assert (blind.code, "NOT TRUE The scraper sees it up" in blind.err) == (4, True), blind.text
    assert ("open-scrape-ports serverA" in blind.err, version(ready)) == (True, NEW), blind.text
    done = opsbook(*INSTALL, "--yes", "--json")
    assert (done.code, "going on with the unfinished run" in done.err, changes(done)) == (0, True, []), done.text
    undone = opsbook("--lab", "undo", record_id(done), HOST, "--yes")
    assert (undone.code, version(ready)) == (0, OLD), undone.text
    assert but_backups(server_state(ready, HOST)) == but_backups(before)


REFUSED = {
    "wrong-checksum": "has the wrong checksum",
    "mirror-down": "install-node-exporter --upload serverA",
    "scraper-down": "prometheus does not run",
    "no-sudo": "provision-host serverA",
    "text-file-busy loose": "node_exporter (process ",
    "ufw-inactive": "open-scrape-ports --enable serverA",
}


def test_what_has_to_come_first_is_named_before_anything_is_changed(closed: Lab) -> None:
    filtered = opsbook(*INSTALL, "--yes")
    assert (filtered.code, "open-scrape-ports serverA" in filtered.err) == (3, True), filtered.text
    on_host(closed, OPEN)
    for fault, says in REFUSED.items():
        name, *more = fault.split()
        breaking.break_(closed, name, *((HOST, *more) if more else ()))
        before = server_state(closed, HOST)
        refused = opsbook(*INSTALL, "--yes")
        assert (refused.code, says in refused.err, "nothing was changed" in refused.err) == (3, True, True), refused.text
        assert server_state(closed, HOST) == before
        breaking.mend(closed, name)


def test_a_release_that_starts_and_does_nothing_goes_back_to_the_one_before(ready: Lab) -> None:
    assert opsbook(*INSTALL, "--yes", "--version", OLD).code == 0
    with offered(ready, "9.9.9", SLEEPER):
        bad = opsbook(*INSTALL, "--yes", "--version", "9.9.9")
    assert (bad.code, "then undone, and the undo is proven" in bad.err, version(ready)) == (5, True, OLD), bad.text


def test_each_proof_is_red_while_the_real_thing_is_broken_and_the_unit_blinds_no_collector(ready: Lab) -> None:
    assert opsbook(*INSTALL, "--yes").code == 0
    assert on_host(ready, KEYS, PROGRAM) == ""
    with seen_from_all_sides(ready) as host:
        assert false(host) == {}
        assert set(false(host, version=OLD)) == {"is_installed", "answers", "scraper_has_this_version"}
        on_host(ready, f"echo '# by hand' >>{UNIT}")
        assert set(false(host)) == {"is_installed"}
        on_host(ready, f"sed --in-place '$d' {UNIT}; systemctl daemon-reload; cp {PROGRAM} {PROGRAM}.copy; mv {PROGRAM}.copy {PROGRAM}")
        assert set(false(host)) == {"is_installed", "runs_steadily"}
        on_host(ready, "systemctl restart node_exporter; ufw disable >/dev/null")
        assert until(lambda: set(false(host)) == {"strangers_hear_nothing"}, within=30), false(host)
        on_host(ready, "ufw --force enable >/dev/null; systemctl stop node_exporter")
        gone = {"is_installed", "answers", "runs_steadily", "is_scraped"}
        assert until(lambda: set(false(host)) >= gone, within=30), false(host)
        on_host(ready, "systemctl start node_exporter")
        assert until(lambda: not false(host), within=30), false(host)
        elsewhere = replace(host, entry=replace(host.entry, peer_address=address(ready, "serverF")))
        assert "scraper_has_this_host" in false(elsewhere)


@contextmanager
def seen_from_all_sides(lab: Lab) -> Iterator[Host]:
    """Yield the host with its peers, each over a real connection."""
    with ExitStack() as stack:
        host, scraper, stranger = (stack.enter_context(open_host(lab, name)) for name in (HOST, "serverF", "stranger"))
        yield replace(host, connect_peer={"scraper": scraper, "stranger": stranger}.__getitem__)


def false(host: Host, **params: Any) -> dict[str, Seen]:
    """Return the checks that are not true, asked once."""
    checks: dict[str, Callable[..., Seen]] = {one.__name__: one for one in (*BOOK.proof, *BOOK.from_outside)}
    asked = {name: getattr(check, "__wrapped__", check) for name, check in checks.items()}
    seen = {name: look_once(replace(host, _remembered={}), check, BOOK.params(**params)) for name, check in asked.items()}
    return {name: one for name, one in seen.items() if not one.ok}


@contextmanager
def offered(lab: Lab, number: str, program: str) -> Iterator[None]:
    """Let the mirror offer a version whose program is this one."""
    held = {architecture(lab): {"node_exporter": program.encode()}}
    folder = f"{mirror.FOLDER}{mirror.RELEASES}"
    files = tuple(Placed(f"{folder}/{path}", content) for path, content in release(number, held))
    docker("cp", "-", f"{lab.container(mirror.NAME)}:/", stdin=tar(files))
    try:
        yield
    finally:
        script(lab.container(mirror.NAME), f'rm -r "{folder}/v$1"', number)


def architecture(lab: Lab) -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[on_host(lab, "uname -m").strip()]


def address_of_mirror(lab: Lab) -> str:
    return on_host(lab, "getent ahostsv4 mirror").split()[0]
