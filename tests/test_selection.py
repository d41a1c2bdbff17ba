from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.cli.selection import Wanted, check_names, choose
from opsbook.errors import UsageError
from opsbook.inventory import HostEntry, Inventory, Service, Stack
from opsbook.page.fields import EXPORTER, SERVICE, Field

SERVICES = (Service("prometheus", 9090), Service("loki", 3100), Service("queue", 9200, exporter=True))
P24 = Stack("p24", "/opt", "/opt/m", "m", services=SERVICES)
SMALL = Stack("small", "/opt", "/opt/m", "m", services=(Service("prometheus", 9090),))
SITE = Inventory(
    Path("/site/inventory.yaml"),
    (
        HostEntry("vps-i1", "192.0.2.1", stack=P24, roles=("node",)),
        HostEntry("serverF", "192.0.2.2", stack=SMALL, roles=("node", "scraper")),
        HostEntry("serverA", "192.0.2.3", roles=("node", "edge")),
        HostEntry("gone", missing=("GONE",), roles=("edge",)),
        HostEntry("behind", "192.0.2.5", jump="gone"),
    ),
    (P24, SMALL),
)


def names(on: str, wanted: Wanted, services: tuple[str, ...] = ()) -> list[str]:
    return [host.name for host in choose(SITE, on, wanted, services)]


def refused(on: str, wanted: Wanted, services: tuple[str, ...] = ()) -> str:
    with pytest.raises(UsageError) as raised:
        choose(SITE, on, wanted, services)
    return str(raised.value)


def test_named_hosts_are_taken_in_the_order_typed_and_each_once() -> None:
    assert names("any", Wanted(("serverA", "vps-i1", "serverA"))) == ["serverA", "vps-i1"]


def test_the_only_host_that_fits_need_not_be_named() -> None:
    assert names("loki", Wanted()) == ["vps-i1"]
    assert names("scraper", Wanted()) == ["serverF"]
    assert names("stack", Wanted(), ("loki",)) == ["vps-i1"]


def test_several_hosts_that_fit_are_listed_and_none_is_taken() -> None:
    told = refused("prometheus", Wanted())
    assert "several hosts fit" in told
    assert "vps-i1, serverF" in told
    assert "serverA" not in told


def test_all_means_every_host_that_fits() -> None:
    assert names("stack", Wanted(all=True)) == ["vps-i1", "serverF"]


def test_a_group_is_a_role_and_holds_only_those_that_fit() -> None:
    assert names("stack", Wanted(group="node")) == ["vps-i1", "serverF"]


def test_an_empty_selection_is_an_error() -> None:
    assert "no host of group edge fits" in refused("stack", Wanted(group="edge"))
    assert "neither the role nor the service thanos" in refused("thanos", Wanted())
    assert "neither the role nor the service thanos" in refused("thanos", Wanted(all=True))


def test_a_near_miss_of_a_host_or_role_names_the_right_one() -> None:
    assert "did you mean serverA?" in refused("any", Wanted(("servrA",)))
    assert "did you mean scraper?" in refused("any", Wanted(group="scrapers"))


def test_a_host_that_does_not_fit_is_refused_with_those_that_do() -> None:
    told = refused("loki", Wanted(("serverA",)))
    assert told == "serverA: it has neither the role nor the service loki\n  next: it fits vps-i1"
    assert "serverF: it has neither the role nor the service loki" in refused("stack", Wanted(("serverF",)), ("loki",))


def test_only_one_way_to_choose_is_taken() -> None:
    for wanted in (Wanted(("vps-i1",), group="node"), Wanted(("vps-i1",), all=True), Wanted(group="node", all=True)):
        assert "one of the three" in refused("any", wanted)


def test_a_service_where_a_host_is_wanted_is_told_so() -> None:
    assert "loki is a service, not a host" in refused("any", Wanted(("loki",)))


def test_a_host_whose_variable_is_not_set_is_refused_and_also_one_behind_it() -> None:
    for name in ("gone", "behind"):
        told = refused("any", Wanted((name,)))
        assert told.startswith("gone: not set: GONE")
        assert "/site/.env.local" in told


def field(name: str, *, exporter: bool = False, several: bool = False) -> Field:
    return Field(name, str, required=False, marker=EXPORTER if exporter else SERVICE, several=several)


def given(service: str | None, only: tuple[str, ...] = ()) -> dict[str, object]:
    return {"service": service, "only": only}


def test_services_that_parameters_name_are_checked_and_returned() -> None:
    fields = [field("service"), field("only", several=True)]
    assert check_names(SITE, fields, given("loki", ("prometheus",))) == ["loki", "prometheus"]
    assert check_names(SITE, fields, given(None)) == []
    assert check_names(SITE, [], {}) == []


def test_a_near_miss_of_a_service_names_the_right_one() -> None:
    with pytest.raises(UsageError) as raised:
        check_names(SITE, [field("service")], given("prometeus"))
    assert str(raised.value) == 'no stack has a service "prometeus"\n  next: did you mean prometheus?'


def test_a_host_where_a_service_is_wanted_is_told_so() -> None:
    with pytest.raises(UsageError, match="vps-i1 is a host; say which service"):
        check_names(SITE, [field("service")], given("vps-i1"))


def test_of_a_host_where_a_service_is_wanted_only_its_own_services_are_named() -> None:
    for host, known in (("serverF", "prometheus"), ("serverA", "loki, prometheus, queue")):     # the latter has no stack
        with pytest.raises(UsageError) as raised:
            check_names(SITE, [field("service")], given(host))
        assert raised.value.next == f"known: {known}"
    with pytest.raises(UsageError) as none:
        check_names(SITE, [field("service", exporter=True)], given("serverF"))
    assert str(none.value) == "serverF is a host; say which exporter\n  saw:  its stack has none"


def test_only_an_exporter_is_taken_where_an_exporter_is_wanted() -> None:
    assert check_names(SITE, [field("service", exporter=True)], given("queue")) == ["queue"]
    with pytest.raises(UsageError, match='no stack has an exporter "loki"'):
        check_names(SITE, [field("service", exporter=True)], given("loki"))
