from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.host import Result
from opsbook.systems import ownership
from opsbook.systems.ownership import Owner, parse_ids
from tests.here import ask, attempt, do


def test_a_file_of_ours_is_replaced_whole_through_its_staging(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("old")
    path.chmod(0o640)
    assert ask(ownership.keeps(str(path)))
    assert [one.name for one in tmp_path.iterdir()] == ["web.yml"]
    do(ownership.stage(str(path), "new ü"))
    assert (path.read_text(), Path(ownership.staged(str(path))).read_text()) == ("old", "new ü")
    do(ownership.arrive(str(path)))
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new ü", 0o640)
    assert [one.name for one in tmp_path.iterdir()] == ["web.yml"]


def test_a_file_with_another_mode_does_not_take_the_place(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("old")
    do(ownership.stage(str(path), "new"))
    Path(ownership.staged(str(path))).chmod(0o666)
    assert attempt(ownership.arrive(str(path))).code == 73
    assert path.read_text() == "old"


def test_what_did_not_arrive_whole_is_not_staged(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_text("old")
    whole = ownership.stage(str(path), "long enough")
    cut = ownership.Write(whole.do, whole.title, stdin="long")
    assert attempt(cut).code == 74
    assert not Path(ownership.staged(str(path))).exists()


def test_owner_and_mode_are_told_by_numbers(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x")
    path.chmod(0o440)
    found, there = ask(ownership.owner(str(path))), path.stat()
    assert found == Owner(there.st_uid, there.st_gid, 0o440)
    assert ask(ownership.owner(str(tmp_path / "none"))) is None


@pytest.mark.parametrize(
    ("owner", "reads"),
    [(Owner(65534, 0, 0o400), True), (Owner(1000, 65534, 0o640), True), (Owner(1000, 1000, 0o600), False), (Owner(1000, 1000, 0o604), True),
     (Owner(65534, 65534, 0o040), False)],
)  # fmt: skip
def test_who_may_read_is_asked_of_the_first_class_that_fits(owner: Owner, reads: bool) -> None:
    assert owner.lets_read(65534, 65534) is reads


def test_ids_of_a_name_come_from_the_image() -> None:
    assert parse_ids(Result(0, "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n")) == (65534, 65534)
    assert parse_ids(Result(0, "uid=472 gid=0\n")) == (472, 0)
    assert parse_ids(Result(127, "", "not found")) is None


def test_the_throw_away_container_may_chown_and_nothing_else() -> None:
    line = str(ownership.give("sha256:x", "/opt/certs/.opsbook-new", 65534, None, ["a.key"]).do)
    assert "--network=none --log-driver=none --read-only --cap-drop=ALL --cap-add=CHOWN --cap-add=DAC_READ_SEARCH" in line
    assert line.endswith("--entrypoint=chown sha256:x 65534 /staged/a.key")


def test_people_are_shown_how_much_is_written_and_what_is_moved() -> None:
    assert str(ownership.stage("/opt/a/web.yml", "1234").do) == "write 4 bytes to /opt/a/.opsbook-new/web.yml"
    assert str(ownership.arrive("/opt/a/web.yml").do) == "mv /opt/a/.opsbook-new/web.yml /opt/a/web.yml"
