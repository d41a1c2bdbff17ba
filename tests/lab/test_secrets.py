from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.reset import reset
from tests.lab.reach import VPS, on_vps
from tests.lab.secrets_at_large import BUG, NASTY, AtLarge, publish, publish_bad, secrets_of, spill, watching

NAME = "WASABI_SECRET_KEY"      # it serves as the name of a file, which git and promtool must be told
HOST_FILES = (
    "find / -xdev \\( -path '*/.local/state/opsbook/*' -o -path '/run/lock/opsbook*' -o -path '/tmp/opsbook*' \\) -type f "
    "-exec cat {} + 2>/dev/null; cat /run/lock/opsbook* 2>/dev/null || true"
)


@pytest.fixture(scope="module")
def at_large(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtLarge]:
    """Every runbook, planned and real, in success and in failure, with secrets wherever a text can be."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "stumble.py").write_text(BUG)
    (folder / "inventory.yaml").write_text(lab.inventory.read_text())
    found = AtLarge(lab, folder, secrets_of(lab))
    secret = found.secrets["SMTP_PASSWORD"]
    publish(found.lab, secret, NASTY, found.secrets[NAME])
    spill(found.lab, "prometheus", f"login with {secret} and {NASTY}")
    with watching(found):
        everything(found)
    found.run("reload-rules", VPS, "--yes", "--debug", "--ref", secret)     # these the operator has typed himself: `ps` shows them
    found.run("reload-alertmanager", VPS, "--plan", "--as-is", "--debug", "--route", f"team={secret}")
    after_a_new_password(found)
    found.run("history", "--json")
    yield found
    reset(lab)


def everything(found: AtLarge) -> None:
    found.run("reload-rules", VPS, "--plan", "--debug")
    found.run("reload-rules", VPS, "--yes", "--jsonl", "--debug")
    publish_bad(found.lab, found.secrets["SMTP_PASSWORD"], NASTY)
    found.run("reload-rules", VPS, "--yes", "--json")
    found.run("reload-alertmanager", VPS, "--yes", "--as-is", "--debug")
    found.run("logs", "prometheus", VPS)
    found.run("logs", "prometheus", VPS, "--json", "--debug")
    found.run("status", VPS, "--json")
    found.run("triage", VPS, "--debug")
    found.run("triage", VPS, "--json")
    found.run("doctor", VPS, "--debug")
    found.run("restart-service", "alertmanager", VPS, "--yes", "--jsonl", "--debug")
    found.run("bring-up", VPS, "--plan", "--debug")
    found.run("rebuild-exporter", "queue-exporter", VPS, "--plan", "--as-is", "--debug")
    found.run("stumble", VPS, "--debug")
    found.run("history", "--on", VPS, "--debug")


def after_a_new_password(found: AtLarge) -> None:
    """The old one is known to the container alone by then."""
    script(found.lab.container(VPS), "sed -i 's/^SMTP_PASSWORD=.*/SMTP_PASSWORD=another-long-one/' /opt/p24-infra/monitoring/.env")
    found.secrets["the new one"] = "another-long-one"
    found.run("recreate-service", "alertmanager", VPS, "--plan", "--json", "--debug")
    found.run("bring-up", VPS, "--plan", "--debug")


def test_the_runs_ended_as_they_were_meant_to(at_large: AtLarge) -> None:
    codes = {words.split()[0] + ("" if code == 0 else f" {code}") for words, code in at_large.codes.items()}
    assert {"reload-rules", "reload-rules 3", "logs", "restart-service", "stumble 70", "history"} <= codes, at_large.codes
    quoting = ("logs", "stumble", "reload-rules vps-i1 --plan", "reload-rules vps-i1 --yes --json")
    assert [words for words, text in at_large.said.items() if words.startswith(quoting) and "***" not in text] == []


def test_no_secret_is_printed(at_large: AtLarge) -> None:
    assert {words: shown for words, text in at_large.said.items() if (shown := at_large.shows(text))} == {}


def test_no_secret_is_in_the_journal(at_large: AtLarge) -> None:
    assert at_large.shows(at_large.journal()) == set()


def test_no_secret_is_in_the_log_of_the_connection_or_in_the_file_of_a_crash(at_large: AtLarge) -> None:
    files = at_large.files()
    assert {"ssh.log", "crash"} <= {Path(name).parts[2] for name in files}
    assert {name: shown for name, text in files.items() if "journal" not in name and (shown := at_large.shows(text))} == {}


def test_no_secret_is_in_the_hosts_own_log(at_large: AtLarge) -> None:
    told = on_vps(at_large.lab, "journalctl --identifier=opsbook --no-pager --output=cat", user="root")
    assert "start " in told
    assert at_large.shows(told) == set()


def test_no_secret_is_an_argument_of_a_process_on_the_host(at_large: AtLarge) -> None:
    assert "git fetch" in at_large.arguments    # it did see the runs
    assert at_large.shows(at_large.arguments) <= {NAME}


def test_no_secret_lies_about_on_the_host(at_large: AtLarge) -> None:
    assert at_large.shows(on_vps(at_large.lab, HOST_FILES, user="root")) == set()
