from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsbook.downloads import Downloads
from opsbook.errors import Refused
from tests.mirror import SUMS, Mirror, a_mirror

NAME, CONTENT = "node_exporter-1.9.0.linux-amd64.tar.gz", b"\x1f\x8b\x00" * 100_000


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with a_mirror(tmp_path / "mirror") as made:
        yield made


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(tmp_path / "cache")


def test_a_file_is_fetched_and_its_sum_is_that_of_the_list(mirror: Mirror, downloads: Downloads) -> None:
    digest = mirror.offer(NAME, CONTENT)
    found = downloads.fetched(mirror.url, NAME)
    assert (found.sha256, found.path.read_bytes(), found.path.name) == (digest, CONTENT, NAME)


def test_ten_hosts_at_once_fetch_it_once(mirror: Mirror, downloads: Downloads) -> None:
    mirror.offer(NAME, CONTENT)
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: downloads.fetched(mirror.url, NAME), range(10)))
    assert (len(set(found)), mirror.asked.count(NAME)) == (1, 1)


def test_what_lies_in_the_cache_is_taken_only_while_its_sum_is_right(mirror: Mirror, downloads: Downloads) -> None:
    mirror.offer(NAME, CONTENT)
    downloads.fetched(mirror.url, NAME).path.write_bytes(b"rotten")
    assert downloads.fetched(mirror.url, NAME).path.read_bytes() == CONTENT


def test_a_wrong_sum_is_refused_and_nothing_stays(mirror: Mirror, downloads: Downloads, tmp_path: Path) -> None:
    mirror.offer(NAME, CONTENT, sum_of=b"something else")
    with pytest.raises(Refused, match="has the wrong checksum"):
        downloads.fetched(mirror.url, NAME)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_transfer_that_breaks_off_is_refused_and_nothing_stays(mirror: Mirror, downloads: Downloads, tmp_path: Path) -> None:
    mirror.offer(NAME, CONTENT)
    mirror.cut.add(NAME)
    with pytest.raises(Refused, match=r"cannot be fetched from this machine|has the wrong checksum"):
        downloads.fetched(mirror.url, NAME)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_release_or_a_file_that_is_not_offered_is_named(mirror: Mirror, downloads: Downloads) -> None:
    with pytest.raises(Refused, match=f"there is no {mirror.url}/v9/{SUMS}"):
        downloads.fetched(f"{mirror.url}/v9", NAME)
    mirror.offer("node_exporter-1.9.0.linux-arm64.tar.gz", CONTENT)
    with pytest.raises(Refused, match=f"there is no {NAME} at"):
        downloads.fetched(mirror.url, NAME)


def test_a_server_that_does_not_answer_is_a_refusal_and_no_crash(mirror: Mirror, tmp_path: Path) -> None:
    url = mirror.url
    with a_mirror(tmp_path / "gone") as gone:
        url = gone.url
    with pytest.raises(Refused, match="cannot be fetched from this machine"):
        Downloads(tmp_path / "cache").fetched(url, NAME)
