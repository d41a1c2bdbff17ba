from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from opsbook import age
from opsbook.errors import Refused, UsageError
from opsbook.shell import Secret

PLAIN = b"what only the right one may read" * 4000     # more than one of age's chunks
WORDS = Secret("correct horse battery")


@pytest.fixture(scope="module")
def by_words() -> bytes:
    return age.sealed_by(WORDS, PLAIN)


@pytest.fixture(scope="module")
def identity() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


def test_what_a_passphrase_seals_the_same_one_opens_and_no_other(by_words: bytes) -> None:
    assert age.wants_passphrase(by_words)
    assert age.opened_by(WORDS, by_words) == PLAIN
    with pytest.raises(Refused, match="the passphrase does not open this file"):
        age.opened_by(Secret("correct horse batterz"), by_words)


def test_what_is_sealed_for_several_each_of_them_opens_and_nobody_else(identity: pyrage.x25519.Identity) -> None:
    other = pyrage.x25519.Identity.generate()
    sealed = age.sealed_for((str(identity.to_public()), str(other.to_public())), PLAIN)
    assert not age.wants_passphrase(sealed)
    assert [age.opened_with(f"# created: today\n{one}\n", sealed) for one in (identity, other)] == [PLAIN, PLAIN]
    with pytest.raises(Refused, match="does not open this file"):
        age.opened_with(str(pyrage.x25519.Identity.generate()), sealed)


@pytest.mark.parametrize("kind", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048")], ids=["ed25519", "rsa"])
def test_an_ssh_key_opens_what_is_sealed_for_its_public_half(tmp_path: Path, kind: tuple[str, ...]) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", *kind, "-N", "", "-f", key], check=True)
    sealed = age.sealed_for(((tmp_path / "key.pub").read_text().strip(),), PLAIN)
    assert age.opened_with(key.read_text(), sealed) == PLAIN


def test_an_ssh_key_with_a_passphrase_of_its_own_is_refused_in_words(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "its own", "-f", key], check=True)
    sealed = age.sealed_for(((tmp_path / "key.pub").read_text().strip(),), PLAIN)
    with pytest.raises(UsageError, match="an SSH key without a passphrase"):
        age.opened_with(key.read_text(), sealed)


@pytest.mark.parametrize("text", ["", "age1x", "ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA", "-----BEGIN"])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a recipient"):
        age.checked(text)


def test_a_private_key_given_for_a_recipient_is_not_repeated(identity: pyrage.x25519.Identity) -> None:
    with pytest.raises(UsageError) as error:
        age.checked(str(identity))
    assert str(identity)[16:30] not in str(error.value)


@pytest.mark.parametrize("text", ["", "# only a comment", "AGE-SECRET-KEY-1QQ", "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_what_is_no_identity_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="identity"):
        age.identities(text)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut in its head": lambda data: data[:70],
    "cut by a byte": lambda data: data[:-1],
    "cut by a chunk": lambda data: data[: len(data) // 2],
    "a flipped bit at the end": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a flipped bit in the middle": lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 4]) + data[len(data) // 2 + 1 :],
    "more at the end": lambda data: data + b"more",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_never_opened(damage: str, identity: pyrage.x25519.Identity) -> None:
    sealed = age.sealed_for((str(identity.to_public()),), PLAIN)
    with pytest.raises(Refused, match="damaged"):
        age.opened_with(str(identity), DAMAGES[damage](sealed))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"age-encryption.org/v2\n"])
def test_what_age_has_not_made_is_not_tried(data: bytes) -> None:
    with pytest.raises(Refused, match="not encrypted by age"):
        age.wants_passphrase(data)
