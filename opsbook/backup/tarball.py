"""Files as a tar, read as if an enemy had made it: nothing but plain files under plain relative names comes out."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from opsbook.errors import Refused

MOST_FILES, MOST_BYTES, LONGEST = 10_000, 64 * 2**20, 1024
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\\\u2028\u2029\ud800-\udfff]+")
MODE = 0o777        # neither setuid nor sticky


@dataclass(frozen=True)
class Stored:
    """One file: its path, relative to the folder that was packed, its mode, what is in it."""

    path: str
    mode: int
    content: bytes = field(repr=False)


def packed(files: Iterable[Stored]) -> bytes:
    """Return the files and the folders above them as a tar; the folders are 0700, and nobody in particular owns anything."""
    there = sorted(files, key=lambda one: one.path)
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for folder in sorted({str(above) for one in there for above in PurePosixPath(one.path).parents} - {"."}):
            tar.addfile(_member(folder, tarfile.DIRTYPE, 0o700, 0))
        for one in there:
            tar.addfile(_member(one.path, tarfile.REGTYPE, one.mode, len(one.content)), io.BytesIO(one.content))
    return into.getvalue()


def unpacked(data: bytes) -> tuple[Stored, ...]:
    """Return the files of the tar, in its order; raise Refused for links, devices, names that lead elsewhere, too much, or no tar."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            found = tuple(_files(tar))
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise Refused("this is no tar, or not a whole one", saw=str(error)) from None
    _expect_a_tree([one.path for one in found])
    return found


def _files(tar: tarfile.TarFile) -> Iterator[Stored]:
    total = 0
    for count, member in enumerate(tar, 1):
        name = _safe(member.name)
        total += member.size
        if count > MOST_FILES or total > MOST_BYTES:
            raise Refused("too much for a folder of certificates", saw=f"more than {MOST_FILES} files or {MOST_BYTES} bytes")
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise Refused("only plain files belong here, neither links nor devices", saw=ascii(member.name))
        held = tar.extractfile(member)
        yield Stored(name, member.mode & MODE, held.read() if held is not None else b"")


def _safe(name: str) -> str:
    """Return the name without `./`; raise Refused where it would lead out of its folder or could be misread."""
    plain = str(PurePosixPath(name))
    parts = plain.split("/")
    if not PRINTABLE.fullmatch(plain) or len(plain) > LONGEST or plain.startswith(("/", "-")) or ".." in parts:
        raise Refused("a name in the tar leads elsewhere", saw=ascii(name[:200]))
    return plain


def _expect_a_tree(paths: list[str]) -> None:
    """Raise Refused for a path that occurs twice, or that is a file and a folder at once."""
    above = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    if len(set(paths)) != len(paths) or above & set(paths):
        raise Refused("the tar has two meanings: a name occurs twice")


def _member(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode, made.size = kind, mode, size
    return made
