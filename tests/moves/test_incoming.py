from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsbook.errors import Interrupted, NotTrue, Refused
from opsbook.host import Read, Result
from opsbook.moves.incoming import judge, moved, own_data, own_folders, remedy, report, tree
from opsbook.systems.container import Container, parse_containers
from opsbook.systems.inside import throwaway
from tests.fake import ENTRY, STACK, FakeGuard, FakeTransport, fake_host
from tests.fake_docker import inspected
from tests.here import Here
from tests.repos import clone, commit, git, repo

BASE = STACK.directory


def container(service: str, **mounts: Any) -> Container:
    return parse_containers(Result(0, json.dumps([inspected(service, **mounts)])))[0]


PROMETHEUS = container("prometheus", mounts={f"{BASE}/prometheus": "/etc/prometheus"})
ALERTMANAGER = container("alertmanager", mounts={f"{BASE}/alertmanager": "/etc/alertmanager"})
LOKI = container("loki", mounts={f"{BASE}/loki/loki-config.yml": "/etc/loki/loki-config.yml"})
BLACKBOX = container("blackbox-exporter", mounts={f"{BASE}/prometheus/blackbox.yml": "/etc/blackbox_exporter/blackbox.yml"})
ALL = (PROMETHEUS, ALERTMANAGER, LOKI, BLACKBOX)


def test_the_incoming_tree_is_there_for_the_block_with_its_untracked_neighbours(tmp_path: Path) -> None:
    source = repo(tmp_path / "source", {"rules/a.yml": "one\n"})
    where = clone(source, tmp_path / "checkout")
    (where / "rules/secret").write_text("s3cr3t")
    new = commit(source, "second", {"rules/a.yml": "two\n"})
    git(where, "fetch", "--quiet")
    host = fake_host(Here(), entry=replace(ENTRY, stack=replace(STACK, checkout=str(where))))
    (where / "other").write_text("not ours")
    with tree(host, new, [f"{where}/rules"]) as place:
        copy = Path(place(f"{where}/rules"))
        assert (copy / "a.yml").read_text() == "two\n"
        assert (copy / "secret").read_text() == "s3cr3t"
        assert not (copy.parent / "other").exists()
        assert place("/etc/hosts") == "/etc/hosts"
    assert not copy.exists()
    assert (where / "rules/a.yml").read_text() == "one\n"


def test_the_incoming_tree_goes_even_when_it_is_rejected(tmp_path: Path) -> None:
    where = repo(tmp_path / "checkout", {"a": "1"})
    host = fake_host(Here(), entry=replace(ENTRY, stack=replace(STACK, checkout=str(where))))
    with pytest.raises(NotTrue), tree(host, "HEAD", [str(where)]) as place:
        folder = Path(place(str(where)))
        raise NotTrue("x")
    assert not folder.exists()


def test_the_incoming_tree_goes_when_the_operator_stops_the_judging(tmp_path: Path) -> None:
    where, guard = repo(tmp_path / "checkout", {"a": "1"}), FakeGuard()
    host = fake_host(Here(), entry=replace(ENTRY, stack=replace(STACK, checkout=str(where))), guard=guard)
    with pytest.raises(Interrupted), tree(host, "HEAD", [str(where)]) as place:
        folder = Path(place(str(where)))
        guard.interrupted = Interrupted("Ctrl-C")
        host.now()
    assert not folder.exists()


def test_a_writable_mount_is_data_and_a_read_only_one_configuration() -> None:
    raw = inspected("prometheus", mounts={f"{BASE}/prometheus": "/etc/prometheus", f"{BASE}/data": "/prometheus", "/srv/x": "/x"})
    for mount in raw["Mounts"][1:]:
        mount["RW"] = True
    (found,) = parse_containers(Result(0, json.dumps([raw])))
    assert own_data(fake_host(), found) == (f"{BASE}/data",)


def test_data_of_the_service_is_not_copied_for_the_judge(tmp_path: Path) -> None:
    where = repo(tmp_path / "checkout", {"rules/a.yml": "one\n", "conf/b.yml": "one\n"})
    for name in ("rules/secret", "data/wal", "conf/data/wal"):
        (where / name).parent.mkdir(exist_ok=True)
        (where / name).write_text("x")
    host = fake_host(Here(), entry=replace(ENTRY, stack=replace(STACK, checkout=str(where))))
    everything = [f"{where}/{name}" for name in ("rules", "data", "conf", "conf/data")]
    with tree(host, "HEAD", everything, [f"{where}/data", f"{where}/conf/data"]) as place:
        copy = Path(place(str(where)))
        files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
        assert files == {"rules/a.yml", "rules/secret", "conf/b.yml"}
        assert [(copy / name).is_dir() for name in ("data", "conf/data")] == [True, True]


def test_more_than_a_configuration_holds_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    where = repo(tmp_path / "checkout", {"rules/a.yml": "one\n"})
    (where / "rules/dump").write_bytes(b"x" * 20_000_001)
    here = Here(env={"TMPDIR": str(tmp_path)})
    host = fake_host(here, entry=replace(ENTRY, stack=replace(STACK, checkout=str(where))))
    with pytest.raises(Refused, match=r"(?s)git does not track.*21 MB.*rules.*--as-is"), tree(host, "HEAD", [f"{where}/rules"]):
        pass
    assert not list(tmp_path.glob("opsbook.*"))


def test_who_mounts_configuration_writable_is_told_what_the_judge_did_not_see() -> None:
    fake = FakeTransport()
    writable = replace(PROMETHEUS, mounts=(replace(PROMETHEUS.mounts[0], writable=True),))
    fake.teach(throwaway(PROMETHEUS.image_id, writable.mounts, "promtool", user="65534"), Result(1, "", "open secret: no such file"))
    with pytest.raises(Refused, match=f"next: .*; {BASE}/prometheus is mounted writable"):
        judge(fake_host(fake), writable, ("promtool",), lambda path: path)


def test_only_what_lies_in_the_checkout_is_moved() -> None:
    assert [moved(path, "/a/b", "/t") for path in ("/a/b", "/a/b/c", "/a/bc", "/x")] == ["/t", "/t/c", "/a/bc", "/x"]


@pytest.mark.parametrize("code", [1, 3])
def test_what_the_judge_rejects_is_refused_with_its_words(code: int) -> None:
    fake = FakeTransport()
    staged = replace(PROMETHEUS.mounts[0], source="/tmp/x/prometheus")
    asked = throwaway(PROMETHEUS.image_id, [staged], "promtool", "check", "config", "/c.yml", user="65534")
    fake.teach(Read(asked, str), Result(code, "Checking /c.yml\n\n  SUCCESS: 2 rules found\n", "  FAILED: unknown field"))
    with pytest.raises(Refused, match=r"promtool rejects what would be loaded\n *saw: *FAILED: unknown field"):
        judge(fake_host(fake), PROMETHEUS, ("promtool", "check", "config", "/c.yml"), lambda path: path.replace(BASE, "/tmp/x"))


def test_a_judge_without_a_word_still_rejects() -> None:
    fake = FakeTransport()
    fake.teach(throwaway(PROMETHEUS.image_id, PROMETHEUS.mounts, "promtool", user="65534"), Result(1))
    with pytest.raises(Refused, match=r"promtool rejects(.|\n)*exit code 1, and no word"):
        judge(fake_host(fake), PROMETHEUS, ("promtool",), lambda path: path)


def test_a_good_verdict_lets_it_pass() -> None:
    fake = FakeTransport()
    fake.teach(throwaway(PROMETHEUS.image_id, PROMETHEUS.mounts, "promtool", user="65534"), "SUCCESS")
    judge(fake_host(fake), PROMETHEUS, ("promtool",), lambda path: path)


@pytest.mark.parametrize(
    ("path", "remedied"),
    [
        ("prometheus/unread.txt", "prometheus does not read it on a reload"),
        ("alertmanager/alertmanager.yml", "opsbook reload-alertmanager vps-i1"),
        ("loki/loki-config.yml", "opsbook restart-service loki vps-i1"),
        ("prometheus/blackbox.yml", "opsbook restart-service blackbox-exporter vps-i1"),
        ("docker-compose.yml", "opsbook bring-up vps-i1"),
        ("exporters/queue-exporter/exporter.py", "opsbook rebuild-exporter queue-exporter vps-i1"),
        ("notes.txt", "no running container has it"),
    ],
)
def test_every_changed_file_has_the_command_that_applies_it(path: str, remedied: str) -> None:
    assert remedy(fake_host(), f"{BASE}/{path}", PROMETHEUS, ALL) == remedied


def test_a_service_without_a_file_of_the_checkout_is_refused() -> None:
    assert own_folders(fake_host(), PROMETHEUS) == (f"{BASE}/prometheus",)
    with pytest.raises(Refused, match="has no file from the checkout"):
        own_folders(fake_host(), container("prometheus", mounts={"/srv/elsewhere": "/etc/prometheus"}))


def test_what_a_run_does_not_apply_is_said_with_what_does(tmp_path: Path) -> None:
    where = repo(tmp_path / "checkout", {"monitoring/prometheus/rules/a.yml": "one\n"})
    old = git(where, "rev-parse", "HEAD")
    new = commit(where, "second", {"monitoring/prometheus/rules/a.yml": "two\n", "monitoring/docker-compose.yml": "x\n"})

    class GitAndDocker(Here):
        """Git is real; Docker has one container, over this checkout."""

        def run(self, command: Any, stdin: str | None, within: float) -> Result:
            if "docker ps" in str(command):
                return Result(0, json.dumps([inspected("prometheus", mounts={f"{where}/monitoring/prometheus": "/etc/prometheus"})]))
            return super().run(command, stdin, within)

    events: list[Any] = []
    stack = replace(STACK, checkout=str(where), directory=f"{where}/monitoring")
    git(where, "reset", "--quiet", "--hard", old)
    host = fake_host(GitAndDocker(), entry=replace(ENTRY, stack=stack), events=events)
    host.keep(incoming_commit=new)
    report(host, PROMETHEUS, [f"{where}/monitoring/prometheus/rules/a.yml"])
    said = [event.title for event in events if event.kind == "say"]
    assert said == [
        f"comes: {new[:10]} second (Anna)",
        "  A monitoring/docker-compose.yml  (not applied by this run: opsbook bring-up vps-i1)",
        "  M monitoring/prometheus/rules/a.yml",
    ]
