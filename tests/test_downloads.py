from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsbook import verified
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


def test_a_server_that_does_not_answer_is_a_refusal_in_words_and_no_crash(downloads: Downloads, tmp_path: Path) -> None:
    with a_mirror(tmp_path / "gone") as gone:
        gone.offer(NAME, CONTENT)
    with pytest.raises(Refused, match="cannot be fetched from this machine") as refused:
        downloads.fetched(gone.url, NAME)
    assert (refused.value.saw, "node_exporter.source" in refused.value.next) == ("Connection refused", True)


def test_a_name_that_does_not_resolve_is_told_without_the_words_of_a_library(downloads: Downloads) -> None:
    with pytest.raises(Refused) as refused:
        downloads.fetched("http://no-such-host.invalid", NAME)
    assert "HTTPConnectionPool" not in str(refused.value)
    assert "object at" not in str(refused.value)


def test_what_was_verified_before_serves_while_the_server_does_not_answer_and_says_so(downloads: Downloads, tmp_path: Path) -> None:
    with a_mirror(tmp_path / "gone") as gone:
        digest = gone.offer(NAME, CONTENT)
        assert downloads.fetched(gone.url, NAME).note == ""
    found = downloads.fetched(gone.url, NAME)
    assert (found.sha256, found.path.read_bytes()) == (digest, CONTENT)
    assert f"{gone.url} does not answer this machine (Connection refused): {NAME} comes from the cache here" in found.note
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "cache").iterdir()} == {0o600}


def test_a_cache_that_takes_no_more_notes_is_no_obstacle(downloads: Downloads, mirror: Mirror, tmp_path: Path) -> None:
    digest = mirror.offer(NAME, CONTENT)
    downloads.fetched(mirror.url, NAME)
    (note := tmp_path / "cache" / f"{NAME}.verified").unlink()
    (note / "in the way").mkdir(parents=True)
    assert downloads.fetched(mirror.url, NAME).sha256 == digest
    assert {file.name for file in (tmp_path / "cache").iterdir()} == {NAME, note.name}


def test_a_server_that_is_there_and_cannot_is_as_good_as_none(mirror: Mirror, downloads: Downloads) -> None:
    mirror.offer(NAME, CONTENT)
    downloads.fetched(mirror.url, NAME)
    mirror.ill.add(SUMS)
    assert "the server says 503" in downloads.fetched(mirror.url, NAME).note


def test_what_nobody_has_verified_or_somebody_has_touched_since_or_is_of_elsewhere_does_not_serve(
    downloads: Downloads, tmp_path: Path
) -> None:
    with a_mirror(tmp_path / "gone") as gone, a_mirror(tmp_path / "other") as other:
        gone.offer(NAME, CONTENT)
        path = downloads.fetched(gone.url, NAME).path
    with pytest.raises(Refused, match=f"{other.url}/{SUMS} cannot be fetched"):
        downloads.fetched(other.url, NAME)
    path.write_bytes(b"rotten")
    with pytest.raises(Refused, match="cannot be fetched"):
        downloads.fetched(gone.url, NAME)
    path.write_bytes(CONTENT)
    path.with_name(f"{NAME}.verified").write_text("garbage")
    with pytest.raises(Refused, match="cannot be fetched"):
        downloads.fetched(gone.url, NAME)


def test_a_list_that_now_gives_another_sum_is_believed_and_not_the_cache(mirror: Mirror, downloads: Downloads) -> None:
    mirror.offer(NAME, CONTENT)
    downloads.fetched(mirror.url, NAME)
    mirror.offer(NAME, CONTENT, sum_of=b"something else")
    with pytest.raises(Refused, match="has the wrong checksum") as refused:
        downloads.fetched(mirror.url, NAME)
    assert "is that of what came" in refused.value.saw
    assert "node_exporter.source" in refused.value.next


def test_a_certificate_that_nobody_trusts_is_an_answer_and_the_cache_does_not_serve(downloads: Downloads, tmp_path: Path) -> None:
    with a_mirror(tmp_path / "secure", by_tls=True) as secure:
        secure.offer(NAME, CONTENT)
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / NAME).write_bytes(CONTENT)
        verified.keep(tmp_path / "cache" / NAME, secure.url, hashlib.sha256(CONTENT).hexdigest())
        with pytest.raises(Refused, match="cannot be fetched") as refused:
            downloads.fetched(secure.url, NAME)
    assert "its certificate is not good: self-signed certificate" in refused.value.saw
