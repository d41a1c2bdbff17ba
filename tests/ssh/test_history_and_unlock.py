from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from opsbook.cli.main import run
from opsbook.cli.state import State
from opsbook.commands.unlock import take_away
from opsbook.errors import ConnectionLost, Refused
from opsbook.options import Options
from opsbook.ssh import Ssh
from opsbook.watch import Holder, Watch
from opsbook.watch.eviction import Eviction
from tests.ssh.conftest import Connect, MakeServer
from tests.ssh.sshd import Sshd
from tests.ssh.test_watch import ADA, owe
from tests.watch.client import BRISK

CAPTURED = Path(__file__).parents[1] / "data/journalctl_opsbook.jsonl"


@pytest.fixture
def logged(make_server: MakeServer, tmp_path: Path) -> Sshd:
    """A host whose journalctl tells what a real one told."""
    tools = tmp_path / "tools"
    tools.mkdir()
    shutil.copy(CAPTURED, tools / "log")
    (tools / "journalctl").write_text(f'#!/bin/sh\n[ "$1" = --identifier=opsbook ] || exit 1\ncat {tools}/log\n')
    (tools / "journalctl").chmod(0o755)
    return make_server(f"SetEnv HOME={tmp_path} PATH={tools}:/usr/bin:/bin")


def state_for(server: Sshd, folder: Path, options: Options | None = None) -> State:
    inventory = folder / "inventory.yaml"
    host = {"address": "127.0.0.1", "port": server.port, "user": server.entry().user, "key": str(server.client_key)}
    inventory.write_text(json.dumps({"hosts": {"web1": host}}))     # JSON is YAML
    (folder / "opsbook").mkdir()
    shutil.copy(server.known_hosts, folder / "opsbook/known_hosts")
    environment = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder), "OPSBOOK_INVENTORY": str(inventory)}
    return State(environment, folder, options or Options())


def test_what_a_host_remembers_is_read_from_its_own_log(logged: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "--on", "web1"], state_for(logged, tmp_path)) == 0
    header, start, end = capsys.readouterr().out.splitlines()
    assert header.split() == ["WHEN", "RUN", "RUNBOOK", "OPERATOR", "WHAT"]
    assert start.split()[-4:] == ["261121-0105-k3fq", "reload-rules", "ada@laptop", "start"]
    assert end.endswith("ada@laptop  end, exit 0")


def test_what_a_host_remembers_is_answered_as_json(logged: Sshd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["history", "--on", "web1", "--json", "--runbook", "reload-rules"], state_for(logged, tmp_path)) == 0
    assert [(note["phase"], note["operator"], note["code"]) for note in json.loads(capsys.readouterr().out)] == [
        ("start", "ada@laptop", None), ("end", "ada@laptop", 0),
    ]


def test_a_log_that_may_not_be_read_says_which_right_is_missing(
    make_server: MakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing = tmp_path / "journalctl"
    refusing.write_text("#!/bin/sh\necho 'No journal files were opened due to insufficient permissions.' >&2; exit 1\n")
    refusing.chmod(0o755)
    server = make_server(f"SetEnv HOME={tmp_path} PATH={tmp_path}:/usr/bin:/bin")
    assert run(["history", "--on", "web1"], state_for(server, tmp_path)) == 1
    told = capsys.readouterr().err
    assert "insufficient permissions" in told
    assert "systemd-journal" in told


def held(server: Sshd, connect: Connect) -> tuple[Ssh, Watch, Eviction]:
    lock = str(server.folder / "lock")
    ssh = connect(server)
    watch = Watch.take(ssh.talk, ADA, pace=BRISK, lock=lock)
    return ssh, watch, Eviction(connect(server), Holder("bob", "desk", "unlock", "web1"), lock, BRISK)


def test_unlock_without_the_hosts_name_changes_nothing(server: Sshd, connect: Connect, tmp_path: Path) -> None:
    _, watch, eviction = held(server, connect)
    for options in (Options(), Options(yes=True), Options(confirm=("web2",)), Options(json=True)):
        with pytest.raises(Refused) as refused:
            take_away(State({}, tmp_path, options), server.entry(), eviction)
        assert "--confirm=web1" in refused.value.next
    watch.beat()
    watch.release()


def test_unlock_with_the_hosts_name_evicts_and_tells_what_the_host_did(
    server: Sshd, connect: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ssh, watch, eviction = held(server, connect)
    owe(ssh, server.folder / "running")
    take_away(State({}, tmp_path, Options(confirm=("web1",), json=True)), server.entry(), eviction)
    document = json.loads(capsys.readouterr().out)
    assert document["was_held"] is True
    assert document["holder"].startswith("ada@laptop runs reload-rules since")
    assert document["paid"] == [{"name": "start-loki", "code": 0}]
    with pytest.raises(ConnectionLost):
        watch.beat()
    watch.release()
    take_away(State({}, tmp_path), server.entry(), eviction)
    assert capsys.readouterr().out == "web1: nobody held the lock\n"


@pytest.mark.parametrize(("phase", "said"), [(None, "the host keeps no record of"), ("undone", "was undone already")])
def test_what_an_undo_says_to_type_reaches_the_site_that_was_named(
    make_server: MakeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], phase: str | None, said: str
) -> None:
    server, undone = make_server(f"SetEnv HOME={tmp_path} PATH=/usr/bin:/bin"), "261121-0105-k3fq"
    done = tmp_path / ".local/state/opsbook/done"
    done.mkdir(parents=True)
    if phase is not None:
        record = {"id": undone, "runbook": "reload-rules", "params": {}, "operator": "ada@laptop", "started": 1.0, "phase": phase}
        (done / f"{undone}.json").write_text(json.dumps(record))
    assert run(["--inventory", f"{tmp_path}/inventory.yaml", "undo", undone, "web1"], state_for(server, tmp_path)) == 3
    told = capsys.readouterr().err
    assert said in told
    assert f"next: opsbook --inventory {tmp_path}/inventory.yaml history --on web1" in told
