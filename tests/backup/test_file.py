from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.backup import file
from opsbook.errors import Refused, UsageError


@pytest.fixture
def careless() -> Iterator[None]:
    """An operator whose umask takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("careless")
def test_a_backup_is_its_owners_alone_whatever_the_umask_and_leaves_no_draft(tmp_path: Path) -> None:
    path, _ = file.keep(tmp_path / "new" / "folder", "b.age", b"sealed")
    modes = {one.name: f"{one.stat().st_mode & 0o777:o}" for one in tmp_path.rglob("*")}
    assert modes == {"new": "700", "folder": "700", "b.age": "600", "b.age.sha256": "600"}
    assert path.read_bytes() == b"sealed"


def test_the_checksum_is_one_that_sha256sum_checks(tmp_path: Path) -> None:
    file.keep(tmp_path, "b.age", b"sealed")
    subprocess.run(["sha256sum", "--check", "--strict", "b.age.sha256"], cwd=tmp_path, check=True, capture_output=True)


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path, _ = file.keep(tmp_path, "b.age", b"first")
    with pytest.raises(Refused, match="is there already"):
        file.keep(tmp_path, "b.age", b"second")
    assert file.load(path)[0] == b"first"


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(Refused, match="--into FOLDER"):
        file.keep(tmp_path / "plain" / "below", "b.age", b"")


def test_a_flipped_bit_is_found_by_the_checksum_beside_it(tmp_path: Path) -> None:
    path, digest = file.keep(tmp_path, "b.age", b"sealed")
    assert file.load(path) == (b"sealed", digest)
    path.write_bytes(b"sealee")
    with pytest.raises(Refused, match="damaged"):
        file.load(path)


def test_without_a_checksum_beside_it_none_is_told(tmp_path: Path) -> None:
    path, _ = file.keep(tmp_path, "b.age", b"sealed")
    (tmp_path / "b.age.sha256").unlink()
    assert file.load(path) == (b"sealed", "")


def test_a_backup_that_is_not_there_or_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the backup cannot be read"):
        file.load(tmp_path / "none")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(file.LARGEST + 1)
    with pytest.raises(Refused, match="too large"):
        file.load(tmp_path / "large")


def test_a_labs_backups_lie_apart_from_those_of_the_real_host_of_that_name() -> None:
    real, lab = (file.default_folder({"XDG_DATA_HOME": "/data"}, "vps-i1", lab=lab) for lab in (False, True))
    assert (str(real), str(lab)) == ("/data/opsbook/backups/vps-i1", "/data/opsbook/backups/LAB/vps-i1")
