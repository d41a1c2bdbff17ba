from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.shell import Command, Secret
from opsbook.systems import disk, files, scratch
from opsbook.systems.disk import Disk
from tests.here import Here, ask, attempt, do

HOSTILE = "it's $(touch pwned) \n-rf \"x\" *"


def test_a_file_is_read_whole_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / HOSTILE
    path.write_text("one\n\ntwo", encoding="utf-8")
    assert ask(files.read(str(path))) == "one\n\ntwo"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_nothing(tmp_path: Path) -> None:
    assert ask(files.read(str(tmp_path / "none"))) is None
    assert ask(files.read(str(tmp_path / "no" / "such" / "folder"))) is None
    assert ask(files.stat(str(tmp_path / "none"))) is None


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Is a directory"):
        ask(files.read(str(tmp_path)))


def test_a_file_in_a_folder_we_may_not_enter_is_an_error_and_not_missing(tmp_path: Path) -> None:
    tmp_path.chmod(0o000)
    question = files.read(str(tmp_path / "secret")).ask
    assert isinstance(question, Command)
    as_somebody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.getuid() == 0 else []
    done = subprocess.run([*as_somebody, "bash", "-c", question.line()], capture_output=True, check=False)
    tmp_path.chmod(0o700)
    assert done.returncode == 1


def test_the_texts_of_all_files_that_match_come_in_one_answer(tmp_path: Path) -> None:
    for name, text in {"a.yml": "ä\n", "b c.yml": "\0raw", ".hidden.yml": "h", "d.txt": "no", "e\n.yml": ""}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "folder.yml").mkdir()
    found = ask(files.texts([f"{tmp_path}/*.yml", f"{tmp_path}/none/*"]))
    by_name = {Path(path).name: text for path, text in found.items()}
    assert by_name == {"a.yml": "ä\n", "b c.yml": "\0raw", ".hidden.yml": "h", "e\n.yml": ""}


def test_a_pattern_is_never_run(tmp_path: Path) -> None:
    assert ask(files.texts([f"{tmp_path}/$(touch {tmp_path}/pwned)", "`id`", "a; touch x"])) == {}
    assert list(tmp_path.iterdir()) == []


def test_more_files_than_a_command_line_holds_are_no_matter(tmp_path: Path) -> None:
    folder = tmp_path / ("long " * 30)
    folder.mkdir()
    paths = [folder / f"{number:04}.yml" for number in range(2000)]
    for path in paths:
        path.write_text("x")
    os.utime(paths[7], (1, 1))
    names = [str(path) for path in paths]
    assert len("".join(names)) > 2**18
    assert set(ask(files.hashes(names)).values()) == {hashlib.sha256(b"x").hexdigest()}
    assert list(ask(files.hashes(names))) == names
    assert ask(files.newest(names)) == pytest.approx(max(path.stat().st_ctime for path in paths), abs=1e-5)
    assert list(ask(files.texts([*names[:9], f"{folder}/000[89].yml", *(f"{name}*none" for name in names)]))) == names[:10]


def test_no_file_has_no_hash_and_no_text_and_is_never_the_newest(tmp_path: Path) -> None:
    assert ask(files.hashes([])) == {}
    assert ask(files.texts([])) == {}
    with pytest.raises(AssertionError, match="code=123"):
        ask(files.newest([str(tmp_path / "none")]))
    with pytest.raises(ValueError, match="no time"):
        ask(files.newest([]))


def test_times_are_read_with_a_point_whatever_the_language_of_the_host(tmp_path: Path) -> None:
    german = tmp_path / "stat"
    german.write_text("#!/bin/bash\n[ $LC_ALL = C ] && echo 1700000000.500000 || echo 1700000000,500000\n")
    german.chmod(0o755)
    question = files.newest(["/etc/hosts"])
    assert isinstance(question.ask, Command)
    here = Here(env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LC_ALL": "de_DE.UTF-8"})
    assert question.parse(here.run(question.ask, "/etc/hosts", 5)) == 1700000000.5


@pytest.mark.parametrize("line", ["1700000000,500000", "1700000000", "1e9", "nan", "1_700.000000", "-1.000000", "?"])
def test_a_time_in_any_other_writing_is_no_answer(line: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        files.parse_newest(Result(0, f"1700000000.000000\n{line}\n"))


def test_hashes_leave_out_missing_files(tmp_path: Path) -> None:
    there = tmp_path / HOSTILE
    there.write_text("x")
    digest = hashlib.sha256(b"x").hexdigest()
    assert ask(files.hashes([str(there), str(tmp_path / "none")])) == {str(there): digest}


def test_a_placed_file_keeps_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.write_text("old")
    path.chmod(0o604)
    if os.getuid() == 0:
        os.chown(path, 65534, 12345)
    before = path.stat()
    do(files.place(str(path), "new\n"))
    after = path.stat()
    assert path.read_text() == "new\n"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_is_readable_and_a_secret_one_is_not(tmp_path: Path) -> None:
    do(files.place(str(tmp_path / "new"), "x"))
    do(files.place(str(tmp_path / "secret"), Secret("s3cr3t€"), mode=0o640))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "secret").read_text(encoding="utf-8") == "s3cr3t€"


def test_a_secret_goes_by_standard_input_and_never_as_an_argument() -> None:
    change = files.place("/x", Secret("s3cr3t"))
    assert isinstance(change.do, Command)
    assert "s3cr3t" not in change.do.line() + str(change)


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    do(files.place(str(tmp_path / "link"), "new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_content_that_did_not_arrive_whole_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    change = files.place(str(path), "new content")
    assert isinstance(change.do, Command)
    assert Here().run(change.do, "new con", 5).code == 74
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_a_file_in_no_folder_is_not_placed(tmp_path: Path) -> None:
    assert attempt(files.place(str(tmp_path / "no" / "such"), "x")).code != 0


def test_mode_and_owner_of_a_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("four")
    path.chmod(0o600)
    stat = ask(files.stat(str(path)))
    assert stat is not None
    assert (stat.mode, stat.size, stat.kind, stat.changed) == (0o600, 4, "regular file", int(path.stat().st_mtime))
    assert stat.owner == path.owner()


def test_a_scratch_folder_is_ours_alone_and_can_be_dropped() -> None:
    folder = Path(ask(scratch.scratch()))
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "file").write_text("x")
    ask(scratch.drop(str(folder)))
    assert not folder.exists()


@pytest.mark.parametrize("folder", ["/tmp/other", "/", "/tmp/opsbook.", ""])
def test_nothing_but_a_scratch_folder_is_dropped(folder: str) -> None:
    with pytest.raises(AssertionError, match="code=64"):
        ask(scratch.drop(folder))


def test_leftover_scratch_folders_go_after_a_day(tmp_path: Path) -> None:
    old, new, other = tmp_path / "opsbook.AAAAAAAA", tmp_path / "opsbook.BBBBBBBB", tmp_path / "theirs.AAAAAAAA"
    for folder in (old, new, other):
        folder.mkdir()
    for folder in (old, other):
        os.utime(folder, (1, 1))
    question = scratch.scratch().ask
    assert isinstance(question, Command)
    Here(env={"TMPDIR": str(tmp_path)}).run(question, None, 5)
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)


def test_file_systems_tell_room_and_inodes() -> None:
    (here,) = ask(disk.disks("/"))
    assert here.mount == "/"
    assert 0 < here.free < here.size


def test_a_file_system_without_inodes_is_judged_by_its_bytes() -> None:
    table = "Mounted on Filesystem 1B-blocks Avail Inodes IFree\n/a b /dev/x 100 25 - -\n/c tmpfs 100 50 1000 10\n"
    found = disk.parse_disks(Result(0, table))
    assert found == (Disk("/a b", "/dev/x", 100, 25, 0, 0), Disk("/c", "tmpfs", 100, 50, 1000, 10))
    assert [one.free_share for one in found] == [0.25, 0.01]


def test_people_are_shown_how_much_is_written_and_where() -> None:
    assert str(files.place("/opt/lcx/.env", Secret("twelve bytes")).do) == "write 12 bytes to /opt/lcx/.env"
    assert str(files.place("/opt/x", "x", mode=0o640).do) == "write 1 bytes to /opt/x, mode 0640"
