from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsbook.errors import (
    CommandFailed,
    ConnectionLost,
    HostKeyChanged,
    HostKeyUnknown,
    NotRunning,
    OpsbookError,
    Refused,
    Unreachable,
    UsageError,
)
from opsbook.host import CLOCK, Host, Result
from opsbook.inventory import HostEntry
from opsbook.moves import scraping, vantage
from opsbook.systems import ufw
from opsbook.systems.inside import complaint
from opsbook.systems.reach import dial
from opsbook.systems.root_view import root_view
from tests.fake import ENTRY, FakeTransport, at_its_port, fake_host
from tests.fake_docker import inspected, teach_containers
from tests.fake_firewall import OFF, ON, told_by_look

STARTED = 1_700_000_000.0
ADDRESS = "192.0.2.20"
SERVER = HostEntry("serverB", address="203.0.113.2", peer_address=ADDRESS, roles=("node", "docker"))
SCRAPER = replace(ENTRY, name="serverF", roles=("scraper",))
STRANGER = HostEntry("stranger", address="203.0.113.9", roles=("stranger",))
DIAL = dial((ADDRESS, 8080), within=vantage.PATIENCE)


class Site:
    """A host, the scraper and a stranger, each with its own answers."""

    def __init__(self, entry: HostEntry = SERVER) -> None:
        self.own, self.scraper, self.stranger = FakeTransport(), FakeTransport(), FakeTransport()
        peers = {"scraper": (self.scraper, SCRAPER), "stranger": (self.stranger, STRANGER)}
        hosts = {role: fake_host(transport, entry=its, locate=at_its_port) for role, (transport, its) in peers.items()}
        self.host = replace(fake_host(self.own, entry=entry), connect_peer=hosts.__getitem__)
        self.own.teach(CLOCK, str(STARTED + 100))
        self.scraper.teach(CLOCK, str(STARTED + 100))

    def targets(self, *urls: str, health: str = "up", error: str = "", job: str = "cadvisor") -> Site:
        stamp = datetime.fromtimestamp(STARTED, UTC).isoformat()
        raw = [
            {
                "labels": {"job": job, "instance": url.split("/")[2]}, "scrapePool": job, "health": health,
                "lastError": error, "lastScrape": stamp, "scrapeUrl": url,
            }
            for url in urls
        ]  # fmt: skip
        self.scraper.teach(scraping.PROMETHEUS.targets(), json.dumps({"data": {"activeTargets": raw}}))
        return self

    def jobs(self, *names: str) -> Site:
        jobs = ", ".join(f"{{job_name: {name}, scrape_interval: 1s}}" for name in names)
        text = f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nscrape_configs: [{jobs}]"
        self.scraper.teach(scraping.PROMETHEUS.config(), json.dumps({"data": {"yaml": text}}))
        return self

    def up(self, instance: str, *at: float) -> Site:
        of = f'up{{job="cadvisor",instance="{instance}"}}'
        result = [{"metric": {"instance": instance}, "value": [0, str(when)]} for when in at]
        answer = json.dumps({"data": {"resultType": "vector", "result": result}})
        self.scraper.teach(scraping.PROMETHEUS.query(f"timestamp({of}) and {of} == 1"), answer)
        return self


def test_the_target_is_known_by_any_name_of_the_host_and_by_its_port() -> None:
    for name in (ADDRESS, "203.0.113.2", "serverb"):
        known = Site(replace(SERVER, name="serverb")).targets("http://192.0.2.77:8080/metrics", f"http://{name}:8080/metrics")
        found = scraping.target(known.host, "cadvisor", 8080)
        assert found is not None
        assert found.url == f"http://{name}:8080/metrics"
    assert scraping.target(Site().targets(f"http://{ADDRESS}:9100/metrics").host, "cadvisor", 8080) is None
    assert scraping.target(Site().targets(f"http://{ADDRESS}:8080/metrics", job="node").host, "cadvisor", 8080) is None


def test_an_ipv6_target_is_known_too() -> None:
    known = Site(replace(SERVER, peer_address="2001:db8::7")).targets("http://[2001:db8::7]:8080/metrics")
    assert scraping.target(known.host, "cadvisor", 8080) is not None


def test_without_a_target_the_look_refuses_and_names_the_job_to_mend() -> None:
    with pytest.raises(Refused, match=r"add 192\.0\.2\.20:8080 to the job cadvisor of serverF's Prometheus"):
        scraping.expect_target(Site().targets("http://192.0.2.77:8080/metrics").host, "cadvisor", 8080)
    with pytest.raises(Refused, match="it scrapes the jobs node"):
        scraping.expect_target(Site().targets("http://192.0.2.77:9100/metrics", job="node").jobs("node").host, "cadvisor", 8080)


def test_a_scraper_that_has_just_started_is_waited_for_and_one_that_finds_nothing_is_not_waited_for_long() -> None:
    site = Site().targets(f"http://{ADDRESS}:8080/metrics").jobs("cadvisor")
    found = scraping.target(site.host, "cadvisor", 8080)
    site.targets()
    site.scraper.after(scraping.PROMETHEUS.config(), lambda: site.targets(f"http://{ADDRESS}:8080/metrics"))
    assert scraping.expect_target(site.host, "cadvisor", 8080) == found
    begun = site.host.clock()
    with pytest.raises(Refused, match=r"it scrapes the jobs \(none\)"):
        scraping.expect_target(Site().targets().jobs("cadvisor").host, "cadvisor", 8080)
    assert site.host.clock() - begun <= scraping.FINDS


def test_a_job_that_the_configuration_does_not_name_is_not_waited_for() -> None:
    site, begun = Site().targets().jobs("node"), Site().host.clock()
    with pytest.raises(Refused, match="add 192"):
        scraping.expect_target(site.host, "cadvisor", 8080)
    assert site.host.clock() == begun


def test_a_scraper_whose_prometheus_does_not_run_is_named_with_what_starts_it() -> None:
    site = Site()
    site.scraper.teach(scraping.PROMETHEUS.targets(), NotRunning("prometheus does not run", saw="exited", next="x", host="serverF"))
    with pytest.raises(NotRunning, match="prometheus does not run on serverF, the scraper") as down:
        scraping.expect_target(site.host, "cadvisor", 8080)
    assert (down.value.next, down.value.saw) == ("opsbook bring-up serverF", "exited")


@pytest.mark.parametrize("told", ["0 0 \n", "0 1 dial: connect: Connection refused\n"])
def test_an_answer_and_a_refusal_are_a_way_for_the_scraper(told: str) -> None:
    site = Site()
    site.scraper.teach(DIAL, told)
    scraping.expect_way(site.host, 8080)


def test_a_scraper_that_hears_nothing_is_kept_out_by_a_firewall() -> None:
    site = Site()
    site.scraper.teach(DIAL, "0 137 \n")
    site.own.teach(root_view(*ufw.VIEW), told_by_look(ON))
    with pytest.raises(Refused, match="opsbook open-scrape-ports serverB"):
        scraping.expect_way(site.host, 8080)


def test_a_scraper_without_a_route_is_not_told_to_open_a_port() -> None:
    site = Site()
    site.scraper.teach(DIAL, "0 1 dial: x: Name or service not known\n")
    with pytest.raises(Refused, match="peer_address") as refused:
        scraping.expect_way(site.host, 8080)
    assert "open-scrape-ports" not in str(refused.value)


@pytest.mark.parametrize(("said", "kind"), [
    ("", "answers"),
    ("wget: can't connect to remote host (192.0.2.20): Connection refused", "refused"),
    ("wget: download timed out", "silent"),
])  # fmt: skip
def test_on_the_scraper_itself_its_prometheus_is_asked_because_that_one_comes_over_a_bridge(said: str, kind: str) -> None:
    site = Site(replace(SCRAPER, peer_address=ADDRESS))
    teach_containers(site.scraper, [inspected("prometheus")])
    site.scraper.teach(complaint("prometheus-id", f"http://{ADDRESS}:8080/"), Result(1 if said else 0, "", said))
    assert scraping.way(site.host, 8080).kind == kind


def test_a_scrape_after_the_start_proves_that_the_scraper_sees_it() -> None:
    site = Site().targets(f"http://{ADDRESS}:8080/metrics").up(f"{ADDRESS}:8080", STARTED + 2)
    assert scraping.is_scraped(site.host, "cadvisor", 8080, STARTED).ok


@pytest.mark.parametrize(("break_", "says"), [
    (lambda site: site.up(f"{ADDRESS}:8080", STARTED - 2), "not scraped since the start"),
    (lambda site: site.up(f"{ADDRESS}:8080"), "not scraped since the start"),
    (lambda site: site.targets(f"http://{ADDRESS}:8080/metrics", health="down", error="connection refused"), "connection refused"),
    (lambda site: site.targets("http://192.0.2.77:8080/metrics"), "no target"),
    (lambda site: site.scraper.teach(CLOCK, str(STARTED + 110)), "not scraped since the start"),
])  # fmt: skip
def test_an_old_scrape_a_red_one_or_none_proves_nothing(break_: Callable[[Site], object], says: str) -> None:
    site = Site().targets(f"http://{ADDRESS}:8080/metrics").up(f"{ADDRESS}:8080", STARTED + 2)
    break_(site)
    seen = scraping.is_scraped(site.host, "cadvisor", 8080, STARTED)
    assert (seen.ok, says in seen.saw) == (False, True), seen


def test_a_scrape_that_runs_out_of_time_points_to_the_firewall() -> None:
    site = Site().targets(f"http://{ADDRESS}:8080/metrics", health="down", error="context deadline exceeded").up(f"{ADDRESS}:8080")
    site.own.teach(root_view(*ufw.VIEW), told_by_look(ON))
    assert scraping.is_scraped(site.host, "cadvisor", 8080, STARTED).next == "opsbook open-scrape-ports serverB"
    site.own.teach(root_view(*ufw.VIEW), told_by_look(OFF))
    assert scraping.is_scraped(site.host, "cadvisor", 8080, STARTED).next == "opsbook open-scrape-ports --enable serverB"


def test_without_a_stranger_nobody_can_tell_and_a_host_is_none_to_itself() -> None:
    def nobody(_: str) -> Host:
        raise UsageError('0 hosts of the inventory have the role "stranger"')

    with pytest.raises(Refused, match=r"roles: \[stranger\] for one other host"):
        vantage.witness(replace(Site().host, connect_peer=nobody), "stranger")
    with pytest.raises(Refused, match="no stranger to itself"):
        vantage.witness(Site(STRANGER).host, "stranger")


def test_a_host_without_an_address_for_others_is_refused() -> None:
    with pytest.raises(Refused, match="peer_address in the inventory"):
        vantage.address(Site(replace(SERVER, peer_address=None)).host)


@pytest.mark.parametrize("error", [HostKeyChanged("another key"), HostKeyUnknown("a key that nobody knows")])
def test_a_scraper_that_shows_a_strange_key_ends_the_run(error: OpsbookError) -> None:
    def strange(_: str) -> Host:
        raise error

    with pytest.raises(type(error)):
        scraping.target(replace(Site().host, connect_peer=strange), "cadvisor", 8080)
    site = Site()
    site.scraper.teach(scraping.PROMETHEUS.targets(), error)
    with pytest.raises(type(error)):
        scraping.target(site.host, "cadvisor", 8080)


def test_a_scraper_that_cannot_be_asked_is_an_answer_of_its_own_and_no_loss_of_our_host() -> None:
    def down(_: str) -> Host:
        raise Unreachable("no connection", host="serverF")

    with pytest.raises(CommandFailed, match=r"(?s)serverF: the scraper cannot be asked.*opsbook doctor serverF"):
        scraping.target(replace(Site().host, connect_peer=down), "cadvisor", 8080)
    site = Site()
    site.scraper.teach(scraping.PROMETHEUS.targets(), ConnectionLost("the line broke"))
    with pytest.raises(CommandFailed, match="the scraper cannot be asked: the line broke"):
        scraping.target(site.host, "cadvisor", 8080)
