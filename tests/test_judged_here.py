from __future__ import annotations

import os
import re
from pathlib import Path

import pyrage
import pytest

from opsbook import age
from opsbook.backup import file
from opsbook.desk import Desk
from opsbook.errors import Refused
from opsbook.stop import Stop
from tests.typed import Terminal, Typed

KEY = pyrage.x25519.Identity.generate()
SITE = """
hosts:
  vps: {address: 127.0.0.1, port: 1, stack: shop, roles: [node]}
stacks:
  shop:
    directory: /opt/shop
    checkout: /opt/shop
    services:
      caddy: {port: 443}
      prometheus: {port: 9090}
"""


@pytest.fixture
def terminal(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Terminal:
    """A site whose host nobody reaches: whatever is contacted ends with 8, and prints a first line."""
    (tmp_path / "inventory.yaml").write_text(SITE)
    texts = {"words": "long enough", "open": "long enough", "key": str(KEY), "other": str(pyrage.x25519.Identity.generate())}
    for name, text in texts.items():
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o644 if name == "open" else 0o600)
    file.keep(tmp_path, "sealed.age", age.sealed_for((str(KEY.to_public()),), b"x"))
    (tmp_path / "by-words.age").write_bytes(age.MAGIC + b"-> scrypt x 19\n")
    (tmp_path / "folder").mkdir()
    return Terminal(capfd, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}, tmp_path)


def typed(terminal: Terminal, words: str) -> Typed:
    there = f"{terminal.cwd}/"
    return terminal.type(*(word.replace("@", there) for word in words.split()))


WRONG = {
    "backup-certs vps --recipient age1xyz": "--recipient: not a recipient",
    "backup-certs vps --recipient nonsense": "--recipient: it cannot be read",
    "backup-certs vps --recipient @folder": "--recipient: it cannot be read",
    "backup-certs vps --passphrase @none": "--passphrase: it cannot be read from",
    "backup-certs vps --passphrase @open": "--passphrase: others may read",
    "backup-certs vps --passphrase - --identity @none": "--identity: it cannot be read",
    "backup-certs vps": "who opens the backup?",
    "restore-certs @none vps": "BACKUP: the backup cannot be read",
    "restore-certs @folder vps": "BACKUP: the backup cannot be read",
    "restore-certs @words vps": "BACKUP: this file is not encrypted by age",
    "restore-certs @sealed.age vps --identity @none": "--identity: it cannot be read",
    "restore-certs @sealed.age vps --identity @folder": "--identity: it cannot be read",
    "restore-certs @sealed.age vps --identity @words": "--identity: there is no identity in this file",
    "restore-certs @sealed.age vps --identity @other": "BACKUP: the identity does not open this file",
    "restore-certs @sealed.age vps": "BACKUP: this backup is sealed for a recipient",
    "restore-certs @by-words.age vps --identity @key": "BACKUP: a passphrase opens this backup, and no identity does",
    "restore-certs @by-words.age vps --passphrase @folder --plan": "--passphrase: it cannot be read from",
    "recover-certs vps --from-backup @none": "--from-backup: the backup cannot be read",
    "rotate-password vps --new @folder": "--new: it cannot be read from",
    "rotate-password vps --old @folder": "--old: it cannot be read from",
    "restore-certs ~nobody-at-all/file vps": "BACKUP: the backup cannot be read",
    "backup-certs vps --passphrase generate": "--passphrase: it cannot be read from",
    "rotate-password vps --to @folder": "folder is a folder",
    "rotate-password vps --to @none/x": "none/x cannot be made",
    "rotate-password vps --to !no-such-program": "--to: there is no program no-such-program",
    "rotate-web-auth prometheus vps --new @folder": "--new: it cannot be read from",
    "provision-host vps --key @none": "--key: there is no public key",
    "provision-host vps --key @words": "--key: there is no public key",
    "generate-certs vps --days 0": "--days: not between 1 and 825",
    "install-node-exporter vps --version abc": "--version: not a version",
    "--inventory @none hosts": "there is no inventory",
    "--inventory @folder hosts": "there is no inventory",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_was_typed_wrong_is_told_before_anything_is_contacted(terminal: Terminal, words: str) -> None:
    said = typed(terminal, words)
    assert (said.code, WRONG[words] in said.err) == (2, True), said.err
    assert re.findall(r"^ *(saw|next): +\S", said.err, re.MULTILINE) == ["saw", "next"], said.err
    assert "Errno" not in said.err
    assert " on vps (" not in said.err      # the first line of a run


@pytest.mark.parametrize("words", [
    "backup-certs vps --passphrase @words", "backup-certs vps --recipient RECIPIENT --identity @key",
    "restore-certs @sealed.age vps --identity @key --plan", "restore-certs @by-words.age vps --plan",
    "rotate-password vps --new @words --to @new --plan", "rotate-password vps --new prompt --to terminal --plan",
])  # fmt: skip
def test_what_is_of_use_is_taken(terminal: Terminal, words: str) -> None:
    said = typed(terminal, words.replace("RECIPIENT", str(KEY.to_public())))
    assert (said.code, " on vps (" in said.err) == (8, True), said.err


def test_a_pipe_is_left_for_the_run_because_it_gives_what_it_has_once(terminal: Terminal) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"long enough\n")
    os.close(writing)
    assert terminal.type("backup-certs", "vps", f"--passphrase=/dev/fd/{reading}").code == 8
    assert os.read(reading, 20) == b"long enough\n"
    os.close(reading)


def test_a_backup_by_passphrase_without_a_terminal_says_what_is_missing() -> None:
    with pytest.raises(Refused, match="the passphrase of the backup is missing, and there is no terminal") as refused:
        Desk(Stop(), terminal=False).secret("the passphrase of the backup", "--passphrase FILE")
    assert refused.value.next == "give --passphrase FILE"


@pytest.mark.parametrize("words", [
    "rotate-password vps --new @none", "rotate-password vps --old @none", "rotate-web-auth prometheus vps --new @none",
])  # fmt: skip
def test_a_file_that_is_gone_is_no_matter_for_a_run_that_may_have_the_password_on_record(terminal: Terminal, words: str) -> None:
    said = typed(terminal, words)
    assert (said.code, "nothing listens" in said.err) == (8, True), said.err
