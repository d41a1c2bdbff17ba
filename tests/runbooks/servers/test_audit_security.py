from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from opsbook.answer import Answer
from opsbook.errors import AuthenticationFailed, ConnectionLost, HostKeyChanged, HostKeyUnknown, OpsbookError, Unreachable
from opsbook.host import Host, Read, Result
from opsbook.host.plugs import Door
from opsbook.inventory import HostEntry, Service
from opsbook.moves.audit.facts import UFW_CONF
from opsbook.moves.audit.gather import VIEW
from opsbook.runbook import NoParams
from opsbook.shell import Command, cmd
from opsbook.systems import docker, docker_networks, files, sudo, ufw
from opsbook.systems.addresses import OUTSIDER
from opsbook.systems.answers import stripped
from opsbook.systems.engine import engine
from opsbook.systems.root_view import root_view
from opsbook.systems.sockets import listening
from opsbook.web import Request
from tests.fake import STACK, FakeTransport, a_run, fake_host
from tests.fake_docker import inspected
from tests.moves.audit.hosts import WELL, root
from tests.runbooks.checkout_site import book

BOOK = book("audit-security")
SHOP = replace(STACK, services=(Service("grafana", 3000, healthy="/api/health"),))
ENTRY = HostEntry("serverF", address="203.0.113.6", user="claude-admin", stack=SHOP, roles=("node", "docker"))
ASKED = root_view(*VIEW, f"sshd claude-admin {OUTSIDER}")
ENV = f"{SHOP.directory}/{SHOP.env_file}"
GRAFANA = Request("grafana", "/api/user")
GRANTS = "User claude-admin may run the following commands on serverF:\n"


def well() -> FakeTransport:
    """Return a host where nothing is wrong."""
    fake, told = FakeTransport(), root()
    answers = [told[one] for one in (*VIEW, f"sshd claude-admin {OUTSIDER}")]
    fake.teach(ASKED, "".join(f"{one.code} {base64.b64encode(one.text.encode()).decode()}\n" for one in answers))
    fake.teach(Read(cmd("id", "--name", "--user"), stripped), "claude-admin\n")
    fake.teach(Read(cmd("id", "--name", "--groups", "--real"), stripped), "claude-admin docker\n")
    fake.teach(sudo.grants(), GRANTS + "".join(f"    (root) NOPASSWD: {one.command}\n" for one in WELL.grants or ()))
    fake.teach(listening(), "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n")
    fake.teach(files.read(ufw.DEFAULTS), "IPV6=yes\n")
    fake.teach(files.read(UFW_CONF), "ENABLED=yes\n")
    fake.teach(engine(), json.dumps({"ServerVersion": "28.5.1", "Driver": "overlay2", "DockerRootDir": "/var/lib/docker"}))
    fake.teach(docker_networks.running(), json.dumps([grafana()]))
    fake.teach(docker.containers(SHOP.project), json.dumps([grafana()]))
    fake.teach(files.stat(ENV), "600 claude-admin claude-admin 9 1 regular file")
    fake.teach(files.read(ENV), "GRAFANA_ADMIN_PASSWORD='kV9-long-and-random'\n")
    fake.teach(GRAFANA, Result(401, "{}"))
    return fake


def grafana() -> dict[str, object]:
    confined = {"ReadonlyRootfs": True, "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
    return inspected("grafana") | {"HostConfig": confined}


def site(fake: FakeTransport, *methods: str) -> Host:
    """Return the host, at whose door sshd offers these methods; nothing may be written."""
    made = fake_host(fake, entry=ENTRY, run=a_run(runbook="audit-security", reads_only=True))
    return replace(made, try_door=lambda entry: Door(methods or ("publickey",), opens=entry.login == "claude-admin"))


def audited(host: Host) -> tuple[Answer, dict[str, str]]:
    """Return the answer, and what is bad in it with its evidence."""
    assert BOOK.answer is not None
    answer = BOOK.answer(host, NoParams())
    found = json.loads(json.dumps(answer.data))["findings"]
    return answer, {one["what"]: one["evidence"] for one in found if one["severity"] == "bad"}


def test_a_host_that_is_well_gives_no_trouble_and_is_asked_by_a_handful_of_questions() -> None:
    fake = well()
    answer, bad = audited(site(fake))
    assert (bad, answer.trouble) == ({}, "")
    assert len(fake.asked) <= 16, fake.asked


def test_the_worst_is_the_trouble_and_names_what_mends_it() -> None:
    answer, bad = audited(site(well(), "publickey", "password"))
    assert bad == {"sshd lets people in by password": "it offers publickey, password"}
    assert answer.trouble == "sshd lets people in by password: it offers publickey, password"
    assert answer.next.startswith("opsbook provision-host serverF --as root    (or --as another login")


def test_grafana_is_tried_with_its_first_password_and_nothing_is_hidden_for_that() -> None:
    fake = well()
    fake.teach(GRAFANA, Result(200, "{}"))
    host = site(fake)
    answer, bad = audited(host)
    assert bad == {"passwords are those that everybody knows": "Grafana lets admin in with the password admin"}
    assert "claude-admin" in host.mask("\n".join(answer.lines))


@pytest.mark.parametrize(("question", "answer", "point"), [
    (ASKED, Result(1, "", "sudo: a password is required"), "what only root may read was not told"),
    (ASKED, Result(64, "", "opsbook-look: nothing of that name is told"), "what only root may read was not told"),
    (sudo.grants(), Result(1, "", "sudo: a password is required"), "not judged: what sudo allows us"),
    (docker_networks.running(), Result(1, "", "permission denied"), "not judged: which ports Docker publishes"),
    (files.stat(ENV), Result(1, "", "permission denied"), f"not judged: who may read {ENV}"),
    (files.read(ENV), Result(1, "", "permission denied"), "not judged: whether passwords are those that everybody knows"),
    (GRAFANA, ConnectionRefusedError("refused"), "not judged: whether Grafana still has its first password"),
    (GRAFANA, Result(502, "bad gateway"), "not judged: whether Grafana still has its first password"),
    (listening(), Result(127, "", "ss: not found"), "not judged: which ports everybody reaches"),
    (files.read(ufw.DEFAULTS), Result(44), "not judged: whether the firewall guards IPv6"),
])  # fmt: skip
def test_a_question_that_fails_leaves_its_point_bad_and_the_others_judged(question: object, answer: object, point: str) -> None:
    fake = well()
    fake.teach(question, answer)  # type: ignore[arg-type]
    told, bad = audited(site(fake))
    assert point in bad
    assert "root may log in" not in bad
    assert told.trouble


def test_a_door_that_nobody_opens_is_not_judged() -> None:
    def closed(_: HostEntry) -> Door:
        raise Unreachable("no connection")

    _, bad = audited(replace(site(well()), try_door=closed))
    assert bad == {"not judged: whether sshd takes keys only": "no connection"}


@pytest.mark.parametrize("error", [HostKeyChanged("another key"), HostKeyUnknown("a key that nobody knows")])
def test_a_door_with_a_strange_key_ends_the_audit(error: OpsbookError) -> None:
    def strange(_: HostEntry) -> Door:
        raise error

    with pytest.raises(type(error)):
        audited(replace(site(well()), try_door=strange))


@pytest.mark.parametrize("question", [ASKED, sudo.grants(), listening(), files.read(ENV), docker_networks.running(), GRAFANA])
def test_a_lost_connection_is_no_finding(question: object) -> None:
    fake = well()
    fake.teach(question, ConnectionLost("gone"))  # type: ignore[arg-type]
    with pytest.raises(ConnectionLost):
        audited(site(fake))


@pytest.mark.parametrize("error", [Unreachable("no banner"), AuthenticationFailed("no key fits"), HostKeyChanged("another key")])
def test_a_host_that_cannot_be_entered_is_asked_once_and_no_finding_hides_why(error: OpsbookError) -> None:
    class Shut(FakeTransport):
        def run(self, command: Command, stdin: str | None, within: float) -> Result:
            self.asked.append(str(command))
            raise error

    fake = Shut()
    with pytest.raises(type(error)):
        audited(site(fake))
    assert len(fake.asked) == 1, fake.asked


@pytest.mark.parametrize(("said", "reason"), [
    ("sudo: unable to resolve host x: Name or service not known\nsudo: a password is required", "sudo: a password is required"),
    ("sudo: unable to resolve host x: Name or service not known", "sudo: unable to resolve host x: Name or service not known"),
])  # fmt: skip
def test_the_reason_is_what_failed_and_not_sudos_usual_warning(said: str, reason: str) -> None:
    fake = well()
    fake.teach(ASKED, Result(1, "", said))
    assert audited(site(fake))[1]["what only root may read was not told"] == reason


def test_a_plain_server_is_not_asked_for_docker() -> None:
    fake = well()
    audited(replace(site(fake), entry=replace(ENTRY, stack=None, roles=("node",))))
    assert not [line for line in fake.asked if "docker" in line]
