from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.systems import pem, tls
from tests.certs import DAY, issued

CHAIN, KEY = issued("a.example", "*.b.example", starts=1_700_000_000.0, serial=0x0FEDC)


def test_a_certificate_says_whom_it_is_for_and_how_long_it_holds() -> None:
    found = pem.leaf(CHAIN)
    assert found is not None
    assert (found.names, found.serial, found.ends - found.starts) == (("a.example", "*.b.example"), "FEDC", 90 * DAY)
    assert [found.covers(name) for name in ("a.example", "x.b.example", "b.example", "x.y.b.example")] == [True, True, False, False]


@pytest.mark.parametrize("serial", [0x1, 0xABC, 0x80FF, 2**127 + 5])
def test_the_serial_is_written_as_openssl_writes_it(tmp_path: Path, serial: int) -> None:
    (tmp_path / "one").write_bytes(chain := issued("a.example", starts=1_700_000_000.0, serial=serial)[0])
    printed = subprocess.run([*tls.FIELDS, "-in", tmp_path / "one"], capture_output=True, text=True, check=True).stdout
    told, found = tls.parse_certificate(Result(0, printed)), pem.leaf(chain)
    assert told is not None
    assert found is not None
    assert (told.serial, told.starts, told.ends, told.names) == (found.serial, found.starts, found.ends, found.names)


def test_a_key_belongs_to_its_certificate_and_to_no_other() -> None:
    assert pem.belong_together(KEY, CHAIN)
    assert not pem.belong_together(issued("a.example", starts=1_700_000_000.0)[1], CHAIN)


@pytest.mark.parametrize(
    "wrong", [b"", b"-----BEGIN CERTIFICATE-----", b"\xff\xfe", CHAIN[:200], KEY], ids=["empty", "begun", "bytes", "half", "key"]
)
def test_what_is_no_certificate_is_none(wrong: bytes) -> None:
    assert pem.leaf(wrong) is None
    assert not pem.belong_together(KEY, wrong)


@pytest.mark.parametrize("wrong", [b"", b"-----BEGIN PRIVATE KEY-----", CHAIN, KEY[:100]], ids=["empty", "begun", "chain", "half"])
def test_what_is_no_key_belongs_to_nothing(wrong: bytes) -> None:
    assert not pem.belong_together(wrong, CHAIN)
