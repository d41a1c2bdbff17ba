from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.addresses import addresses_of, own, own_ipv6, parse_addresses, parse_own
from opsbook.systems.container import Container, Port
from opsbook.systems.docker_networks import is_loopback, parse_subnets, publishers

OWN = '[{},{"ifname":"eth0","addr_info":[{"family":"inet6","local":"fd77::12","prefixlen":64,"scope":"global"}]}]'
NETWORK = '[{"Name":"m_default","IPAM":{"Config":[{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1"},{"Subnet":"fd01::/64"}]}}]'


def test_the_addresses_of_a_name_are_each_returned_once() -> None:
    assert str(addresses_of("serverF").ask) == "getent ahosts -- serverF"
    assert parse_addresses(Result(0, "10.0.0.1  STREAM serverF\n10.0.0.1  DGRAM\nfd00::1  STREAM\n")) == ("10.0.0.1", "fd00::1")
    assert parse_addresses(Result(2, "")) == ()


def test_own_addresses_are_read_from_json() -> None:
    assert str(own_ipv6().ask) == "ip -json -6 address show scope global"
    assert str(own().ask) == "ip -json address show scope global"
    assert parse_own(Result(0, OWN)) == ("fd77::12",)
    assert parse_own(Result(0, "[]\n")) == ()


def test_subnets_of_docker_are_those_of_ipv4() -> None:
    assert parse_subnets(Result(0, NETWORK)) == ("172.18.0.0/16",)
    assert parse_subnets(Result(0, '[{"Name":"host","IPAM":{"Config":null}}]')) == ()


def test_a_published_port_has_its_publisher() -> None:
    web = Container("a" * 64, "web", "running", ports=(Port(8000, 9095), Port(53, 53, protocol="udp")))
    assert publishers([web], 9095) == ((web, Port(8000, 9095)),)
    assert publishers([web], 53) == ()
    assert [is_loopback(Port(1, 1, address)) for address in ("", "127.0.0.1", "::1", "10.0.0.1")] == [False, True, True, False]
