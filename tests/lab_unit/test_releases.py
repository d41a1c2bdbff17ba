"""node_exporter's releases, as the lab's mirror offers them."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from opsbook.lab import mirror
from opsbook.lab.docker import LabError
from opsbook.lab.making.releases import ARCHITECTURES, CORRUPT, SUITES, layout

FETCHED = {
    f"{suite}/{architecture}/{name}": text.encode()
    for version, suite in SUITES.items()
    for architecture in ARCHITECTURES
    for name, text in (("package", f"{version}-1+b1\n"), ("LICENSE", "Apache-2.0"), ("node_exporter", f"{version} {architecture}"))
}


def sums(files: dict[str, bytes], version: str) -> dict[str, str]:
    return {name: digest for digest, name in (line.split() for line in files[f"v{version}/sha256sums.txt"].decode().splitlines())}


@pytest.mark.parametrize("version", SUITES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_release_is_a_tarball_in_upstreams_layout_with_its_sum_beside_it(version: str, architecture: str) -> None:
    files, top = dict(layout(FETCHED)), f"node_exporter-{version}.linux-{architecture}"
    packed = files[f"v{version}/{top}.tar.gz"]
    assert sums(files, version)[f"{top}.tar.gz"] == hashlib.sha256(packed).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = {member.name: member for member in archive}
        program = archive.extractfile(f"{top}/node_exporter")
        assert program is not None
        assert program.read().decode() == f"{version} {architecture}"
    assert set(members) == {top, f"{top}/LICENSE", f"{top}/NOTICE", f"{top}/node_exporter"}
    assert (members[f"{top}/node_exporter"].mode, members[f"{top}/node_exporter"].uid) == (0o755, 1001)


def test_the_corrupt_version_unpacks_well_and_has_the_sums_of_other_files() -> None:
    files = dict(layout(FETCHED))
    for name, digest in sums(files, CORRUPT).items():
        packed = files[f"v{CORRUPT}/{name}"]
        assert hashlib.sha256(packed).hexdigest() != digest
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            assert f"{name.removesuffix('.tar.gz')}/node_exporter" in archive.getnames()


def test_the_same_packages_are_the_same_bytes() -> None:
    assert dict(layout(FETCHED)) == dict(layout(FETCHED))


def test_a_suite_with_another_version_is_told_and_not_mislabelled() -> None:
    with pytest.raises(LabError, match=r"trixie has no node_exporter 1.9.0 any more"):
        dict(layout({**FETCHED, "trixie/amd64/package": b"1.9.1-1\n"}))


def test_the_inventory_asks_for_the_newest_that_is_sound() -> None:
    assert max(SUITES) == mirror.NEWEST
    assert CORRUPT not in SUITES
