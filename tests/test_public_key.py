from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from opsbook.public_key import parse_line, public_half
from tests.ssh.sshd import make_key

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKpC0J8vD0rGqT2m3T6mGk1wJm1D3f9vV3m2pW3k4T5a"


def test_a_line_of_a_public_file_is_read_and_written_as_it_was() -> None:
    assert str(parse_line(f"{ED25519} anna@laptop of work\n")) == f"{ED25519} anna@laptop of work"
    assert str(parse_line(ED25519)) == ED25519


@pytest.mark.parametrize(
    "text",
    ["", "anna", "ssh-ed25519", "ssh-ed25519 AAAA", f"{ED25519}\n{ED25519}", f'command="id" {ED25519}', f"{ED25519} a\x00b",
     ED25519.replace("ssh-ed25519 ", "ssh-rsa "), "ssh-dss AAAAB3NzaC1kc3M=", f"#{ED25519}", "ssh-ed25519 ====", f"{ED25519} a\x1b[2J"],
)  # fmt: skip
def test_what_is_no_single_public_key_without_options_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the line of a public key"):
        parse_line(text)


@pytest.mark.parametrize(("kind", "passphrase"), [("ed25519", ""), ("ed25519", "secret"), ("rsa", ""), ("ecdsa", "")])
def test_a_private_key_of_openssh_tells_its_public_half_even_behind_a_passphrase(tmp_path: Path, kind: str, passphrase: str) -> None:
    private = make_key(tmp_path / "key", kind, passphrase)
    assert str(public_half(private.read_text(), "test")) == Path(f"{private}.pub").read_text().strip()


def test_a_private_key_of_another_format_does_not(tmp_path: Path) -> None:
    private = make_key(tmp_path / "key", "rsa")
    subprocess.run(["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", private], check=True, capture_output=True)
    with pytest.raises(ValueError, match="only a private key in OpenSSH's format"):
        public_half(private.read_text())
