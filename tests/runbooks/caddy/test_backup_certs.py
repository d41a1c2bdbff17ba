from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyrage
import pytest

from opsbook import age
from opsbook.answer import Answer
from opsbook.backup import payload
from opsbook.backup.payload import Payload
from opsbook.errors import Refused, UsageError
from opsbook.events import Event
from opsbook.host import Host, Result
from opsbook.shell import Secret
from tests.certs import DAY
from tests.fake import ENTRY, a_run, fake_host
from tests.runbooks.caddy.fake_caddy import CA, NAMES, WITH_SITES, FakeCaddy
from tests.runbooks.checkout_site import book
from tests.runbooks.fake_stack import BEGUN
from tests.test_host_secrets import FakeHands

WORDS = "correct horse battery"
KEY = pyrage.x25519.Identity.generate()
OURS = (str(KEY.to_public()),)


@pytest.fixture
def here(tmp_path: Path) -> FakeCaddy:
    return FakeCaddy(stack=WITH_SITES, data=tmp_path / "data")


def on(here: FakeCaddy, events: list[Event] | None = None) -> Host:
    host = fake_host(here, entry=replace(ENTRY, stack=here.stack), run=a_run(reads_only=True), events=events)
    return replace(host, hands=FakeHands(WORDS))


def backed_up(host: Host, into: Path, **given: Any) -> Answer:
    found = book("backup-certs")
    assert found.answer is not None
    return found.answer(host, found.params(into=into, **given))


def written(answer: Answer) -> Path:
    assert isinstance(answer.data, dict)
    return Path(answer.data["path"])


def held(path: Path) -> Payload:
    return payload.read(age.opened_with(str(KEY), path.read_bytes()))


def test_all_of_the_storage_is_in_the_file_with_whose_it_is_and_what_is_served(here: FakeCaddy, tmp_path: Path) -> None:
    answer = backed_up(on(here), tmp_path / "into", recipient=OURS)
    found = held(written(answer))
    on_disk = {str(path.relative_to(here.root)): path.read_bytes() for path in here.root.rglob("*") if path.is_file()}
    assert {one.path: one.content for one in found.files} == on_disk
    assert (found.manifest.host, found.manifest.lab, dict(found.manifest.sites)) == ("vps-i1", False, here.serials())
    assert answer.trouble == ""


def test_nothing_is_written_on_the_host_and_what_it_prints_goes_to_no_log(here: FakeCaddy, tmp_path: Path) -> None:
    host = on(here)
    backed_up(host, tmp_path, recipient=OURS)
    assert host.guard.writes == []  # type: ignore[attr-defined]
    runs = [line for line in here.asked if line.startswith("docker run")]
    assert len(runs) == 2
    assert all("readonly" in line and "--log-driver=none" in line for line in runs)


def test_with_a_passphrase_the_file_is_opened_again(here: FakeCaddy, tmp_path: Path) -> None:
    answer = backed_up(on(here), tmp_path, passphrase="prompt")
    assert "opened again" in answer.lines[-1]
    assert age.opened_by(Secret(WORDS), written(answer).read_bytes())


def test_with_a_recipient_alone_it_is_said_that_nobody_opened_it(here: FakeCaddy, tmp_path: Path) -> None:
    answer = backed_up(on(here), tmp_path, recipient=OURS)
    assert "not opened again: that takes --identity" in answer.lines[-1]
    (tmp_path / "identity").write_text(str(KEY))
    here.now += 60
    opened = backed_up(on(here), tmp_path, recipient=OURS, identity=tmp_path / "identity")
    assert "opened again" in opened.lines[-1]


def test_an_identity_that_does_not_open_it_is_an_error(here: FakeCaddy, tmp_path: Path) -> None:
    (tmp_path / "identity").write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(Refused, match="does not open"):
        backed_up(on(here), tmp_path, recipient=OURS, identity=tmp_path / "identity")


def test_recipients_may_be_in_a_file_and_are_checked_before_the_host_is_asked(here: FakeCaddy, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "ssh"], check=True)
    team = [pyrage.x25519.Identity.generate() for _ in range(2)]
    (tmp_path / "team").write_text("# the team\n" + "".join(f"{one.to_public()}\n" for one in team))
    answer = backed_up(on(here), tmp_path, recipient=(str(tmp_path / "team"), (tmp_path / "ssh.pub").read_text().strip()))
    sealed = written(answer).read_bytes()
    assert all(age.opened_with(text, sealed) for text in (*map(str, team), (tmp_path / "ssh").read_text()))
    here.asked.clear()
    with pytest.raises(UsageError, match="not a recipient"):
        backed_up(on(here), tmp_path, recipient=("age1nobody",))
    assert here.asked == []


@pytest.mark.parametrize("given", [{}, {"recipient": ("age1x",), "passphrase": "prompt"}])
def test_it_must_be_clear_who_opens_it(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="who opens the backup"):
        book("backup-certs").params(**given)


def test_a_storage_that_changes_meanwhile_is_taken_again(here: FakeCaddy, tmp_path: Path) -> None:
    here.writes_meanwhile = 1
    answer = backed_up(on(here), tmp_path, recipient=OURS)
    assert "last_clean.json" in {one.path for one in held(written(answer)).files}


def test_one_that_never_stands_still_is_refused(here: FakeCaddy, tmp_path: Path) -> None:
    here.writes_meanwhile = 99
    with pytest.raises(Refused, match="writes to its storage all the time"):
        backed_up(on(here), tmp_path, recipient=OURS)
    assert list(tmp_path.glob("*.age")) == []


def test_what_is_not_well_is_told_and_backed_up_all_the_same(here: FakeCaddy, tmp_path: Path) -> None:
    here.store(NAMES[0], starts=BEGUN - 100 * DAY, serial=0xE0)       # expired, and another one is served
    (here.root / CA / NAMES[1] / f"{NAMES[1]}.key").write_bytes((here.root / CA / NAMES[0] / f"{NAMES[0]}.key").read_bytes())
    answer = backed_up(on(here), tmp_path, recipient=OURS)
    assert f"{NAMES[0]}: it has expired" in answer.trouble
    assert f"{NAMES[1]}: the private key in the storage is not the certificate's" in answer.trouble
    assert written(answer).exists()


def test_a_site_that_is_served_from_memory_or_not_at_all_is_told(here: FakeCaddy, tmp_path: Path) -> None:
    here.store(NAMES[0], starts=BEGUN - DAY, serial=0xE1)
    del here.memory[NAMES[1]]
    answer = backed_up(on(here), tmp_path, recipient=OURS)
    assert f"{NAMES[0]}: another certificate is served than the storage has" in answer.trouble
    assert f"{NAMES[1]}: it is not served" in answer.trouble


@pytest.mark.parametrize("kind", ["empty", "only accounts"])
def test_a_storage_without_certificates_is_no_backup(here: FakeCaddy, tmp_path: Path, kind: str) -> None:
    subprocess.run(["rm", "-r", here.root / "certificates"], check=True)
    if kind == "empty":
        subprocess.run(["rm", "-r", here.root / "acme"], check=True)
    with pytest.raises(Refused, match="holds no certificate"):
        backed_up(on(here), tmp_path / "into", recipient=OURS)
    assert not (tmp_path / "into").exists()


def test_a_link_in_the_storage_is_refused(here: FakeCaddy, tmp_path: Path) -> None:
    (here.root / "shadow").symlink_to("/etc/shadow")
    with pytest.raises(Refused, match="neither links nor devices"):
        backed_up(on(here), tmp_path, recipient=OURS)


def test_caddy_that_is_down_is_backed_up_too(here: FakeCaddy, tmp_path: Path) -> None:
    here.containers["caddy"]["State"]["Status"], here.memory = "exited", {}
    answer = backed_up(on(here), tmp_path, recipient=OURS)
    assert "it is not served" in answer.trouble
    assert len(held(written(answer)).files) == 5


def test_certificates_that_lie_in_no_volume_or_in_no_files_are_refused(here: FakeCaddy, tmp_path: Path) -> None:
    here.configured = json.dumps({"storage": {"module": "redis"}})
    with pytest.raises(Refused, match="elsewhere, not in files"):
        backed_up(on(here), tmp_path, recipient=OURS)
    here.configured = json.dumps({"storage": {"module": "file_system", "root": "/etc/caddy/store"}})
    with pytest.raises(Refused, match="in no volume"):
        backed_up(on(here), tmp_path, recipient=OURS)


def test_a_configured_folder_is_the_one_that_is_taken(here: FakeCaddy, tmp_path: Path) -> None:
    here.root.rename(here.data / "elsewhere")
    here.configured = json.dumps({"storage": {"module": "file_system", "root": f"{here.data}/elsewhere"}})
    assert held(written(backed_up(on(here), tmp_path, recipient=OURS))).files


def test_no_private_key_is_told_to_anybody(here: FakeCaddy, tmp_path: Path) -> None:
    events: list[Event] = []
    host = on(here, events)
    answer = backed_up(host, tmp_path, recipient=OURS)
    texts = [path.read_text() for path in here.root.rglob("*.key")]
    lines = [line for text in texts for line in text.splitlines() if "-----" not in line]
    told = "\n".join(map(str, [*events, answer, *here.asked]))
    assert [line for line in lines if line in told] == []
    assert all(host.mask(line) == "***" for line in lines)


def test_a_failed_read_tells_nothing_of_what_it_read(here: FakeCaddy, tmp_path: Path) -> None:
    here.fails["--log-driver=none"] = Result(1, "", "no space left")
    with pytest.raises(Exception, match="no space left"):
        backed_up(on(here), tmp_path, recipient=OURS)
