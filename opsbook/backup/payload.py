"""What a backup of certificates holds: the files, and a manifest that says whose they are and what each must be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from opsbook.backup.tarball import Stored, packed, unpacked
from opsbook.errors import Refused

FORMAT, NAME, FOLDER = "opsbook-certificates/1", "manifest.json", "storage/"


@dataclass(frozen=True)
class Manifest:
    """Where and when the files were taken; `files` are SHA-256 by path, `sites` the serial that each name was served with."""

    host: str
    lab: bool           # a host of a lab, whatever it is called like
    taken: float        # seconds since 1970 by the host's clock
    sites: Mapping[str, str]
    files: Mapping[str, str]
    format: str = FORMAT


@dataclass(frozen=True)
class Payload:
    """A manifest, and the files that it promises."""

    manifest: Manifest
    files: tuple[Stored, ...]


def hashes(files: Iterable[Stored]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path."""
    return {one.path: hashlib.sha256(one.content).hexdigest() for one in files}


def written(payload: Payload) -> bytes:
    """Return the payload as one tar."""
    told = json.dumps(asdict(payload.manifest), indent=1, sort_keys=True).encode()
    return packed([Stored(NAME, 0o600, told), *(Stored(FOLDER + one.path, one.mode, one.content) for one in payload.files)])


def read(data: bytes) -> Payload:
    """Given the plain bytes of a backup, return what it holds; raise Refused where it is none, or not what its manifest says."""
    found = {one.path: one for one in unpacked(data)}
    if NAME not in found:
        raise Refused("this is no backup of certificates", saw="it has no manifest")
    manifest = _manifest(found.pop(NAME).content)
    if any(not path.startswith(FOLDER) for path in found):
        raise Refused("this backup holds something else besides", saw=", ".join(map(ascii, sorted(found)[:3])))
    files = tuple(Stored(path.removeprefix(FOLDER), one.mode, one.content) for path, one in found.items())
    if wrong := differing(manifest.files, hashes(files)):
        raise Refused("the backup is not what its manifest says", saw=", ".join(map(ascii, wrong[:5])))
    return Payload(manifest, files)


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the paths that are in one of them only, or not the same in both."""
    return sorted(path for path in {*one, *other} if one.get(path) != other.get(path))


def _manifest(content: bytes) -> Manifest:
    try:
        raw: dict[str, Any] = json.loads(content)
        found = Manifest(**{**raw, "taken": float(raw["taken"])})
        whole = found.format == FORMAT and isinstance(found.host, str) and isinstance(found.lab, bool)
        whole = whole and _texts(found.files) and _texts(found.sites)
    except (ValueError, TypeError, LookupError, RecursionError):
        whole = False
    if not whole:
        raise Refused("the manifest of this backup cannot be read", next="a newer opsbook may have made it")
    return found


def _texts(found: object) -> bool:
    return isinstance(found, Mapping) and all(isinstance(each, str) for pair in found.items() for each in pair)
