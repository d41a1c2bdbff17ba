from __future__ import annotations

import pytest

from opsbook.host import Result
from opsbook.systems.systemd import Clock, is_active, parse_clock, parse_properties, restart, show, socket_units, start
from tests.fake import FakeTransport, fake_host
from tests.systems.captured import captured


def test_a_unit_that_is_stopped_or_unknown_does_not_run() -> None:
    fake = FakeTransport()
    fake.teach(is_active("docker"), Result(0), Result(3), Result(4))
    host = fake_host(fake)
    assert [host.read(is_active("docker")) for _ in range(3)] == [True, False, False]


def test_properties_may_hold_an_equals_sign() -> None:
    assert parse_properties(Result(0, "A=1\nB=x=y\n")) == {"A": "1", "B": "x=y"}
    assert show("docker", "A", "B").ask.words == ("systemctl", "show", "--property=A,B", "--", "docker")  # type: ignore[union-attr]


SOCKETS = """\
/run/dbus/system_bus_socket Stream   dbus.socket      dbus.service
0.0.0.0:9100                Stream   exporter.socket  exporter.service
[::]:9100                   Stream   exporter.socket  exporter.service
127.0.0.1:9100              Datagram other.socket     other.service
[::]:19100                  Stream   further.socket   further.service
vsock::22                   Stream   sshd-vsock.socket -
[::]:22                     Stream   ssh.socket       ssh@.service
[::]:23                     Stream   telnet.socket    -
"""


@pytest.mark.parametrize(("port", "units"), [
    (9100, ("exporter.socket", "exporter.service")), (22, ("ssh.socket",)), (23, ("telnet.socket",)), (100, ()),
])  # fmt: skip
def test_the_units_by_which_systemd_itself_listens_are_known_by_the_port(port: int, units: tuple[str, ...]) -> None:
    fake = FakeTransport()
    fake.teach(socket_units(port), SOCKETS)
    assert fake_host(fake).read(socket_units(port)) == units


def test_docker_is_started_by_the_program_that_knows_no_other_unit() -> None:
    assert str(start("docker.service").do) == str(restart("docker.service").do) == "sudo -n /usr/local/sbin/opsbook-units"
    assert (start("docker.service").stdin, restart("docker.service").stdin) == ("start docker.service\n", "restart docker.service\n")


def test_the_clock_tells_zone_and_synchronization() -> None:
    assert parse_clock(captured("timedatectl.txt")) == Clock("Etc/UTC", synchronized=False, service=False)
    assert parse_clock(Result(0, "Timezone=Europe/Warsaw\nNTP=yes\nNTPSynchronized=yes\n")) == Clock(
        "Europe/Warsaw", synchronized=True, service=True
    )
