from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from opsbook.backup import payload
from opsbook.backup.payload import Manifest, Payload, read, written
from opsbook.backup.tarball import Stored, packed
from opsbook.errors import Refused

FILES = (Stored("acme/ca/a.json", 0o600, b"{}"), Stored("certificates/ca/x/x.crt", 0o600, b"chain"))
MANIFEST = Manifest("vps-i1", False, 1_700_000_000.5, {"x.example": "0A"}, payload.hashes(FILES))


def told(raw: object) -> bytes:
    stored = (Stored(f"storage/{one.path}", one.mode, one.content) for one in FILES)
    return packed([Stored("manifest.json", 0o600, json.dumps(raw).encode()), *stored])


def test_what_was_written_is_read_again() -> None:
    assert read(written(Payload(MANIFEST, FILES))) == Payload(MANIFEST, FILES)


CHANGED: dict[str, tuple[Stored, ...]] = {
    "another content": (FILES[0], replace(FILES[1], content=b"other")),
    "a file less": FILES[:1],
    "a file more": (*FILES, Stored("certificates/ca/y/y.crt", 0o600, b"")),
    "another name": (FILES[0], replace(FILES[1], path="certificates/ca/y/y.crt")),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_its_manifest_does_not_promise_is_refused(kind: str) -> None:
    with pytest.raises(Refused, match="not what its manifest says"):
        read(written(Payload(MANIFEST, CHANGED[kind])))


GOOD = asdict(MANIFEST)
WRONG: dict[str, Any] = {
    "a list": [],
    "another format": GOOD | {"format": "opsbook-certificates/2"},
    "no host": {key: value for key, value in GOOD.items() if key != "host"},
    "something unknown": GOOD | {"run": "rm -rf"},
    "a host that is a number": GOOD | {"host": 1},
    "a time that is none": GOOD | {"taken": "yesterday"},
    "files that are a list": GOOD | {"files": ["a"]},
    "a sum that is none": GOOD | {"files": {"a": 1}},
    "sites that are none": GOOD | {"sites": 5},
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_manifest_that_says_something_else_is_refused(kind: str) -> None:
    with pytest.raises(Refused, match="manifest"):
        read(told(WRONG[kind]))


def test_without_a_manifest_or_with_something_beside_the_storage_it_is_no_backup() -> None:
    with pytest.raises(Refused, match="no backup"):
        read(packed(FILES))
    with pytest.raises(Refused, match="something else besides"):
        read(packed([Stored("manifest.json", 0o600, json.dumps(GOOD).encode()), Stored("etc/passwd", 0o600, b"")]))


def test_what_differs_is_what_only_one_has_or_both_have_otherwise() -> None:
    assert payload.differing({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"}) == ["a", "c", "d"]
