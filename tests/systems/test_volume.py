"""The scripts run in a shell of this machine as they do in the container, on a folder of the test's own."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any, TypeVar

import pytest

from opsbook.backup.tarball import Stored, packed, unpacked
from opsbook.errors import CommandFailed
from opsbook.host import Read, Result, Write
from opsbook.shell import Command
from opsbook.systems import volume
from opsbook.systems.container import Mount
from opsbook.systems.volume import Folder, decoded

T = TypeVar("T")
MOUNT = Mount("volume", "/var/lib/docker/volumes/monitoring_caddy_data/_data", "/data", "monitoring_caddy_data")
RUN = "261121-0105-k3fq"
OLD = {"acme/ca/a.json": "old account", "certificates/ca/x/x.crt": "old", "last_clean.json": "{}"}
NEW = (Stored("certificates/ca/x/x.crt", 0o600, b"new"), Stored("certificates/ca/y/y.key", 0o640, b"key"))


def here(asked: Read[Any] | Write) -> Result:
    """Run it without Docker: what comes after the image is run by a shell of this machine."""
    command = asked.ask if isinstance(asked, Read) else asked.do
    assert isinstance(command, Command)
    words = [str(word) for word in command.words]
    if "docker" in words:
        first = words.index("docker")
        words = [*words[:first], "sh", *words[words.index("sha256:1") + 1 :]]
    done = subprocess.run(words, input=str(asked.stdin or "").encode(), capture_output=True, check=False, timeout=60)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def ask(question: Read[T]) -> T:
    result = here(question)
    assert result.code == 0, result.err
    return question.parse(result)


def do(*changes: Write) -> None:
    for change in changes:
        result = here(change)
        assert result.code == 0, result.err


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A storage with something old in it."""
    for path, text in OLD.items():
        (tmp_path / "caddy" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "caddy" / path).write_text(text)
    return tmp_path / "caddy"


def at(path: Path) -> Folder:
    return Folder(str(path), "sha256:1", MOUNT)


def test_the_throwaway_container_has_no_network_and_no_log_and_may_only_read() -> None:
    line = str(Folder("/data/caddy", "sha256:1", MOUNT, "1000:1000").hashes().ask)
    assert line == (
        "docker run --rm --pull=never --network=none --log-driver=none --read-only --user=1000:1000 "
        "--mount=type=volume,source=monitoring_caddy_data,target=/data,readonly "
        "--entrypoint=sh sha256:1 -c '(script)' opsbook /data/caddy ."
    )
    changing = str(at(Path("/data/caddy")).swap(RUN, "swap").do)
    assert "target=/data --entrypoint" in changing


def test_a_folder_comes_as_a_tar_and_its_hashes_are_those_of_its_files(data: Path) -> None:
    files = unpacked(decoded(ask(at(data).packed())))
    assert {one.path: one.content.decode() for one in files} == OLD
    assert set(ask(at(data).hashes())) == set(OLD)


def test_what_is_ours_or_only_a_mark_of_who_works_there_is_not_hashed(data: Path) -> None:
    for path in ("locks/issue_cert_x.lock", ".opsbook-incoming/certificates/a", ".opsbook-before-1/acme/b"):
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_text("")
    assert set(ask(at(data).hashes())) == set(OLD)
    assert ask(at(data).listed("locks")) == ("issue_cert_x.lock",)


def test_a_folder_that_is_not_there_has_no_files_and_no_names(tmp_path: Path) -> None:
    assert (ask(at(tmp_path / "none").hashes()), ask(at(tmp_path / "none").listed())) == ({}, ())


def test_a_tar_that_fails_prints_nothing_of_what_it_had(tmp_path: Path) -> None:
    result = here(at(tmp_path / "none").packed())
    assert (result.code != 0, result.out) == (True, "")


def test_what_was_laid_beside_changes_nothing_until_it_is_swapped(data: Path) -> None:
    place = at(data)
    do(place.unpack(packed(NEW), "lay it beside"))
    assert (ask(place.hashes()).keys(), ask(place.hashes(volume.INCOMING)).keys()) == (OLD.keys(), {one.path for one in NEW})
    do(place.swap(RUN, "swap"))
    assert set(ask(place.hashes())) == {one.path for one in NEW}
    assert tree(data / f"{volume.BEFORE}{RUN}") == OLD


def test_modes_are_those_of_the_backup_and_nobody_else_enters_a_folder(data: Path) -> None:
    place = at(data)
    do(place.unpack(packed(NEW), "lay it beside"), place.swap(RUN, "swap"))
    found = {str(path.relative_to(data)): f"{path.stat().st_mode & 0o777:o}" for path in (data / "certificates").rglob("*")}
    assert found["certificates/ca/y/y.key"] == "640"
    assert {found[f"certificates/{name}"] for name in ("ca", "ca/x", "ca/y")} == {"700"}


def test_a_swap_into_a_folder_that_is_not_there_makes_it(tmp_path: Path) -> None:
    place = at(tmp_path / "none" / "caddy")
    do(place.unpack(packed(NEW), "lay it beside"), place.swap(RUN, "swap"))
    assert set(ask(place.hashes())) == {one.path for one in NEW}
    do(place.swap_back(RUN, "back"))
    assert ask(place.hashes()) == {}


def test_a_second_swap_of_the_same_run_keeps_what_was_there_first(data: Path) -> None:
    place = at(data)
    for _ in range(2):
        do(place.unpack(packed(NEW), "lay it beside"), place.swap(RUN, "swap"))
    assert tree(data / f"{volume.BEFORE}{RUN}") == OLD


def test_a_swap_that_was_killed_half_way_goes_on(data: Path) -> None:
    place = at(data)
    do(place.unpack(packed(NEW), "lay it beside"))
    (data / ".opsbook-aside").mkdir()
    (data / "acme").rename(data / ".opsbook-aside" / "acme")
    do(place.swap(RUN, "swap"))
    assert tree(data / f"{volume.BEFORE}{RUN}") == OLD
    assert set(ask(place.hashes())) == {one.path for one in NEW}


def test_of_several_runs_only_what_was_before_the_newest_is_kept(data: Path) -> None:
    place = at(data)
    for run in ("1", "2"):
        do(place.unpack(packed(NEW), "lay it beside"), place.swap(run, "swap"))
    assert [name for name in ask(place.listed()) if name.startswith(".")] == [f"{volume.BEFORE}2"]


def test_swapped_back_it_is_as_before_and_a_second_time_changes_nothing(data: Path) -> None:
    place = at(data)
    do(place.unpack(packed(NEW), "lay it beside"), place.swap(RUN, "swap"))
    for _ in range(2):
        do(place.swap_back(RUN, "back"))
        assert tree(data) == OLD


def test_a_way_back_that_was_killed_between_its_halves_goes_on(data: Path) -> None:
    place = at(data)
    do(place.unpack(packed(NEW), "lay it beside"), place.swap(RUN, "swap"))
    before = data / f"{volume.BEFORE}{RUN}"
    back = before.rename(before.with_name(f"{before.name}-back"))
    (back / "acme").rename(data / "acme")       # so far it came
    do(place.swap_back(RUN, "back"))
    assert tree(data) == OLD


def test_a_way_back_of_a_run_that_never_swapped_changes_nothing(data: Path) -> None:
    do(at(data).swap_back(RUN, "back"))
    assert tree(data) == OLD


def test_input_that_was_cut_is_no_tar_or_not_a_whole_one(data: Path) -> None:
    whole = at(data).unpack(packed(NEW), "lay it beside")
    cut = here(Write(whole.do, "cut", stdin=base64.b64encode(packed(NEW))[:2000].decode()))
    there = ask(at(data).hashes(volume.INCOMING))
    assert cut.code != 0 or set(there) != {one.path for one in NEW}


def test_an_answer_that_came_mutilated_is_an_error_that_shows_nothing_of_it() -> None:
    with pytest.raises(CommandFailed) as error:
        decoded("c2VjcmV0IGtleQ=!")
    assert "c2Vj" not in str(error.value)


SITE, SITES = "certificates/ca/x", {"certificates/ca/x/x.crt": "old"}


def test_what_is_set_aside_lies_in_the_runs_own_folder_and_comes_back_from_there(data: Path) -> None:
    place = at(data)
    for _ in range(2):
        do(place.set_aside(RUN, "x"))
        assert (ask(place.hashes("certificates")), tree(data / f"{volume.AWAY}{RUN}")) == ({}, SITES)
    for _ in range(2):
        do(place.bring_back(RUN, "x", "never there"))
        assert tree(data) == OLD


def test_what_caddy_got_meanwhile_stays_when_the_rest_is_brought_back(data: Path) -> None:
    place = at(data)
    do(place.set_aside(RUN, "x"))
    (data / SITE).mkdir()
    (data / SITE / "x.crt").write_text("new")
    do(place.bring_back(RUN, "x"))
    assert (data / SITE / "x.crt").read_text() == "new"


def half_way(data: Path) -> None:
    """Leave what a way there leaves that was killed before its end."""
    (away := data / f"{volume.AWAY}{RUN}.new" / "certificates" / "ca").mkdir(parents=True)
    (data / SITE).rename(away / "x")


def test_what_a_killed_run_has_moved_already_is_never_deleted_and_comes_back(data: Path) -> None:
    half_way(data)
    do(at(data).set_aside(RUN, "x"))
    assert tree(data / f"{volume.AWAY}{RUN}") == SITES
    do(at(data).bring_back(RUN, "x"))
    half_way(data)
    do(at(data).bring_back(RUN, "x"))
    assert tree(data) == OLD


def test_what_an_earlier_run_has_set_aside_goes_only_where_another_is_in_its_place(data: Path) -> None:
    do(at(data).set_aside("1", "x"), at(data).set_aside("2", "x"))
    assert tree(data / f"{volume.AWAY}1") == SITES
    (data / SITE).mkdir()
    (data / SITE / "x.crt").write_text("new")
    do(at(data).set_aside("3", "x"))
    assert [name for name in ask(at(data).listed()) if name.startswith(volume.AWAY)] == [f"{volume.AWAY}3"]


def test_where_there_is_no_storage_it_is_remembered_that_nothing_was_to_be_set_aside(tmp_path: Path) -> None:
    place = at(tmp_path / "none" / "caddy")
    do(place.set_aside(RUN, "x"))
    assert ask(place.listed()) == (f"{volume.AWAY}{RUN}",)
