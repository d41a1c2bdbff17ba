from __future__ import annotations

import io
import tarfile

import pytest

from opsbook.backup import tarball
from opsbook.backup.tarball import Stored, packed, unpacked
from opsbook.errors import Refused


def tar(*members: tuple[str, bytes, bytes, str], fmt: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar of these members: name, type, content, target of a link."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:", format=fmt) as made:
        for name, kind, content, target in members:
            one = tarfile.TarInfo(name)
            one.type, one.size, one.linkname = kind, len(content), target
            made.addfile(one, io.BytesIO(content))
    return into.getvalue()


def plain(name: str) -> tuple[str, bytes, bytes, str]:
    return name, tarfile.REGTYPE, b"x", ""


def test_what_was_packed_comes_out_again() -> None:
    files = (Stored("acme/a.json", 0o600, b"{}"), Stored("certificates/ä b/ä b.key", 0o600, bytes(range(256))), Stored("x", 0o644, b""))
    assert unpacked(packed(files)) == files


def test_the_folders_are_there_before_their_files_and_nobody_elses() -> None:
    with tarfile.open(fileobj=io.BytesIO(packed([Stored("a/b/c", 0o600, b"")]))) as made:
        found = [(one.name, one.isdir(), f"{one.mode:o}") for one in made]
    assert found == [("a", True, "700"), ("a/b", True, "700"), ("a/b/c", False, "600")]


def test_names_as_find_and_tar_write_them_are_the_same() -> None:
    assert [one.path for one in unpacked(tar(("./", tarfile.DIRTYPE, b"", ""), plain("./a//b")))] == ["a/b"]


def test_a_setuid_bit_does_not_come_along() -> None:
    one = tarfile.TarInfo("a")
    one.mode = 0o6755
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w:") as made:
        made.addfile(one)
    assert unpacked(into.getvalue())[0].mode == 0o755


HOSTILE = {
    "a way up": tar(plain("../evil")),
    "a way up in the middle": tar(plain("certificates/../../evil")),
    "an absolute path": tar(plain("/etc/cron.d/evil")),
    "a name that is an option": tar(plain("--checkpoint-action=exec=sh")),
    "a newline in a name": tar(plain("a\nb")),
    "an escape in a name": tar(plain("a\x1b[2Jb")),
    "a backslash": tar(plain("a\\..\\b")),
    "a symlink": tar(("a", tarfile.SYMTYPE, b"", "/etc/shadow")),
    "a symlink and a file behind it": tar(("a", tarfile.SYMTYPE, b"", "/etc"), plain("a/passwd")),
    "a hard link": tar(("a", tarfile.LNKTYPE, b"", "/etc/shadow")),
    "a device": tar(("a", tarfile.CHRTYPE, b"", "")),
    "a fifo": tar(("a", tarfile.FIFOTYPE, b"", "")),
    "the same name twice": tar(plain("a"), plain("a")),
    "the same name written otherwise": tar(plain("a"), plain("./a")),
    "a file that is a folder, too": tar(plain("a"), plain("a/b")),
    "a very long name": tar(plain("a/" * 700 + "b")),
    "a name that is no text": tar(plain("a\udc80"), fmt=tarfile.GNU_FORMAT),
    "a folder that leads up": tar(("..", tarfile.DIRTYPE, b"", "")),
    "no tar at all": b"not a tar, however long it is" * 100,
    "nothing": b"",
    "half a tar": packed([Stored("a", 0o600, b"x" * 5000)])[:3000],
    "compressed": b"\x1f\x8b\x08\x00" + bytes(600),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_tar_is_refused(kind: str) -> None:
    with pytest.raises(Refused):
        unpacked(HOSTILE[kind])


def test_a_size_that_is_only_promised_costs_nothing() -> None:
    one = tarfile.TarInfo("bomb")
    one.size = 2**40
    with pytest.raises(Refused, match="too much"):
        unpacked(one.tobuf() + bytes(1024))


def test_too_many_files_are_refused() -> None:
    with pytest.raises(Refused, match="too much"):
        unpacked(tar(*(plain(str(number)) for number in range(tarball.MOST_FILES + 1))))


def test_an_error_shows_no_control_characters() -> None:
    with pytest.raises(Refused) as error:
        unpacked(HOSTILE["an escape in a name"])
    assert "\x1b" not in str(error.value)
