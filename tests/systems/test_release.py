from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.shell import Command
from opsbook.systems.release import NO_TOOL, NOT_FETCHED, NOT_LISTED, WRONG_SUM, Release, staging
from tests.here import Here
from tests.mirror import SUMS, Mirror, a_mirror

CONTENT = b"a tarball"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with a_mirror(tmp_path / "mirror") as made:
        (made.folder / "v1.9.0").mkdir()
        made.folder = made.folder / "v1.9.0"
        yield made


@pytest.fixture
def release(mirror: Mirror) -> Release:
    return Release("1.9.0", "amd64", mirror.url)


def on(home: Path, command: object, **env: str) -> Result:
    assert isinstance(command, Command)
    return Here({"HOME": str(home), **env}).run(command, None, 60)


def staged(home: Path, release: Release) -> Path:
    return home / ".local/state/opsbook/staged" / release.name


def test_names_are_those_of_upstream() -> None:
    made = Release("1.12.1", "armv7", "https://mirror/x")
    assert made.folder == "https://mirror/x/v1.12.1"
    assert made.name == "node_exporter-1.12.1.linux-armv7.tar.gz"


def test_the_host_fetches_it_once_and_tells_its_sum(tmp_path: Path, mirror: Mirror, release: Release) -> None:
    digest = mirror.offer(release.name, CONTENT)
    for _ in range(2):
        result = on(tmp_path, release.fetch().ask)
        assert (result.code, result.out.strip()) == (0, digest), result.err
    assert staged(tmp_path, release).read_bytes() == CONTENT
    assert staged(tmp_path, release).stat().st_mode & 0o777 == 0o600
    assert mirror.asked.count(release.name) == 1
    assert release.ready().parse(on(tmp_path, release.ready().ask)) == digest


def test_a_wrong_sum_lays_nothing_ready(tmp_path: Path, mirror: Mirror, release: Release) -> None:
    mirror.offer(release.name, CONTENT, sum_of=b"another")
    result = on(tmp_path, release.fetch().ask)
    assert (result.code, "sha256sums.txt says" in result.err) == (WRONG_SUM, True)
    assert list(staged(tmp_path, release).parent.iterdir()) == []


def test_what_breaks_off_lays_nothing_ready(tmp_path: Path, mirror: Mirror, release: Release) -> None:
    mirror.offer(release.name, CONTENT)
    mirror.cut.add(release.name)
    assert on(tmp_path, release.fetch().ask).code == NOT_FETCHED
    assert list(staged(tmp_path, release).parent.iterdir()) == []


def test_a_version_or_a_machine_that_upstream_has_not_is_told_from_a_server_that_is_away(tmp_path: Path, mirror: Mirror) -> None:
    mirror.offer("node_exporter-1.9.0.linux-arm64.tar.gz", CONTENT)
    assert on(tmp_path, Release("1.9.0", "amd64", mirror.url).fetch().ask).code == NOT_LISTED
    assert on(tmp_path, Release("9.9.9", "amd64", mirror.url).fetch().ask).code == NOT_LISTED
    with a_mirror(tmp_path / "gone") as gone:
        url = gone.url
    assert on(tmp_path, Release("1.9.0", "amd64", url).fetch().ask).code == NOT_FETCHED


def test_wget_does_where_there_is_no_curl_and_without_both_it_is_said(tmp_path: Path, mirror: Mirror, release: Release) -> None:
    mirror.offer(release.name, CONTENT)
    for number, (more, code) in enumerate(((("wget",), 0), ((), NO_TOOL))):
        tools, home = with_tools(tmp_path / f"tools{number}", *more), tmp_path / f"home{number}"
        home.mkdir()
        assert on(home, release.fetch().ask, PATH=str(tools)).code == code


TRUSTING = '#!/bin/sh\nexec /usr/bin/{name} {option} "$@"\n'      # the real program, and one more certificate that it trusts
PROGRAMS = {"curl": "--disable --cacert {}", "wget": "--ca-certificate={}"}


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_what_is_meant_to_come_by_https_comes_by_nothing_else(tmp_path: Path, mirror: Mirror, release: Release, name: str) -> None:
    tools = with_tools(tmp_path / "tools")
    mirror.offer(release.name, CONTENT)
    with a_mirror(tmp_path / "honest", by_tls=True) as honest, a_mirror(tmp_path / "hostile", by_tls=True) as hostile:
        both = tmp_path / "both.pem"
        both.write_text("".join((tmp_path / f"{one}.pem").read_text() for one in ("honest", "hostile")))
        (tools / name).write_text(TRUSTING.format(name=name, option=PROGRAMS[name].format(both)))
        (tools / name).chmod(0o755)
        honest.offer(release.name, CONTENT)
        for path, there in ((SUMS, honest.url), (release.name, honest.url)):
            hostile.leads[path] = f"{there}/{path}"
        source = Release("1.9.0", "amd64", hostile.url)
        assert on(tmp_path, source.fetch().ask, PATH=str(tools)).code == 0      # as upstream's own lead elsewhere
        for path in (release.name, SUMS):
            staged(tmp_path, release).unlink(missing_ok=True)
            hostile.leads[path] = f"{release.folder}/{path}"
            found = on(tmp_path, source.fetch().ask, PATH=str(tools))
            assert (found.code, mirror.asked) == (NOT_FETCHED, []), found.err
            assert list(staged(tmp_path, release).parent.iterdir()) == []


def with_tools(folder: Path, *more: str) -> Path:
    """Make a folder of the programs that a fetch needs besides the one that fetches."""
    folder.mkdir()
    for name in ("awk", "bash", "cat", "cut", "find", "mkdir", "mktemp", "mv", "rm", "sed", "sha256sum", "tail", "timeout", *more):
        (folder / name).symlink_to(next(path for place in ("/usr/bin", "/bin") if (path := Path(place, name)).exists()))
    return folder


def test_what_was_sent_counts_only_with_the_right_sum(tmp_path: Path) -> None:
    release = Release("1.9.0", "amd64", "https://mirror")
    folder = on(tmp_path, staging().ask).out.strip()
    sent = Path(release.sent_to(folder))
    sent.write_bytes(CONTENT)
    assert on(tmp_path, release.accept("0" * 64).do).code != 0
    assert not staged(tmp_path, release).exists()
    assert release.ready().parse(on(tmp_path, release.ready().ask)) == ""
    assert on(tmp_path, release.accept(hashlib.sha256(CONTENT).hexdigest()).do).code == 0
    assert staged(tmp_path, release).read_bytes() == CONTENT
