"""The lab's values: names, addresses, files, faults on record."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest
import yaml

from opsbook.errors import UsageError
from opsbook.inventory_file import load
from opsbook.lab import address, lights, projects, state
from opsbook.lab.enter import where
from opsbook.lab.faults import FAULTS, fault, overrides
from opsbook.lab.lab import Lab, checkout_name, here
from opsbook.lab.network import first_free, ip, with_ipv6
from opsbook.lab.placing import Placed, digest, folder, tar, text
from opsbook.lab.profile import SITE
from opsbook.lab.state import Injected, State
from opsbook.lab.status import ServiceStatus, parse


def test_a_lab_is_named_after_its_checkout_unless_a_name_is_given() -> None:
    assert here({"HOME": "/x"}).name == checkout_name()
    assert here({"OPSBOOK_LAB_NAME": "mine", "XDG_STATE_HOME": "/s"}) == Lab("mine", Path("/s/opsbook/lab/mine"))


@pytest.mark.parametrize("name", ["../up", "a b", "$(id)", "Big", "-x", "a" * 40])
def test_a_name_that_could_be_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="OPSBOOK_LAB_NAME"):
        here({"OPSBOOK_LAB_NAME": name})


def test_the_first_free_subnet_overlaps_with_none_in_use() -> None:
    assert first_free({"172.17.0.0/16", "10.77.0.0/24", "10.77.1.128/25"}, 2) == ["10.77.2.0/24", "10.77.3.0/24"]
    assert first_free({"10.0.0.0/8"}, 2) == []
    assert (ip("10.77.2.0/24", 11), with_ipv6("10.77.2.0/24")) == ("10.77.2.11", "fd77:77:2::/64")


def test_a_tar_keeps_owner_group_and_mode() -> None:
    files = (folder("/home/a/.ssh", 0o700, 1000), text("/home/a/.ssh/key", "k", 0o600, 1000), Placed("/x", b"y", 0o640, 1000, 65534))
    with tarfile.open(fileobj=io.BytesIO(tar(files))) as archive:
        found = [(one.name, one.isdir(), oct(one.mode), one.uid, one.gid) for one in archive.getmembers()]
    assert found == [
        ("home/a/.ssh", True, "0o700", 1000, 1000),
        ("home/a/.ssh/key", False, "0o600", 1000, 1000),
        ("x", False, "0o640", 1000, 65534),
    ]


def test_a_digest_changes_with_content_and_with_rights_but_not_with_order() -> None:
    one, two = text("/a", "a"), text("/b", "b")
    assert digest((one, two)) == digest((two, one))
    assert len({digest((one,)), digest((two,)), digest((text("/a", "a", mode=0o600),))}) == 3


def test_lab_json_comes_back_as_it_was_saved_and_is_private(tmp_path: Path) -> None:
    lab = Lab("demo", tmp_path / "demo")
    saved = State("10.77.0.0/24", {"vps-i1": 2201}, (Injected("network-cut", ("3",)), Injected("crash-loop", (), {"service": "loki"})))
    assert state.load(lab) == State()
    state.save(lab, saved)
    assert state.load(lab) == saved
    assert saved.without("network-cut").faults == saved.faults[1:]
    assert stat.S_IMODE((lab.folder / "lab.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(lab.folder.stat().st_mode) == 0o700


def test_the_inventory_has_only_loopback_addresses_and_a_stack_for_its_host() -> None:
    lab = Lab("demo", Path("/s/demo"))
    shown = address.inventory(lab, SITE.only(("vps-i1", "serverF")), State("10.77.4.0/24", {"vps-i1": 2201, "serverF": 2202}))
    assert shown["lab"] == "demo"
    assert shown["hosts"] == {
        "vps-i1": {"address": "127.0.0.1", "port": 2201, "peer_address": "10.77.4.11", "stack": "p24", "roles": ["node", "docker"]},
        "serverF": {
            "address": "127.0.0.1",
            "port": 2202,
            "peer_address": "10.77.4.16",
            "stack": "monitoring",
            "roles": ["node", "docker", "scraper"],
        },
    }
    assert shown["defaults"] == {"user": "claude-admin", "key": "/s/demo/id_ed25519", "known_hosts": "/s/demo/known_hosts"}


def test_the_inventory_of_the_whole_site_has_no_mistake(tmp_path: Path) -> None:
    ports = {host.name: 2200 + host.address for host in SITE.hosts}
    written = tmp_path / "inventory.yaml"
    written.write_text(yaml.safe_dump(address.inventory(Lab("demo", tmp_path), SITE, State("10.77.4.0/24", ports, lights=300))))
    read = load(written, {})
    assert read.host("serverA").node_exporter.source == "http://10.77.4.3/prometheus/node_exporter/releases/download"
    assert read.host("serverF").stack in read.stacks
    assert [host.name for host in read.hosts if "scraper" in host.roles] == ["serverF"]
    assert [host.name for host in read.hosts if "light" in host.roles][::100] == ["light001", "light101", "light201"]


def test_light_hosts_have_addresses_of_their_own_and_those_of_two_labs_differ() -> None:
    one, other = lights.addresses("10.77.4.0/24", 600), lights.addresses("10.77.5.0/24", 600)
    assert len({*one, *other}) == 1200
    assert (one[0], one[249], one[250]) == ("127.64.4.1", "127.64.4.250", "127.65.4.1")
    with pytest.raises(UsageError, match="0 to 1000"):
        lights.confirm(1001)


def test_a_part_of_the_site_is_named_by_its_hosts_and_a_wrong_name_is_refused() -> None:
    part = SITE.only(("serverF", "stranger"))
    assert [host.name for host in part.hosts] == ["serverF", "stranger"]
    assert part.needs("mirror")
    assert not part.needs("git")
    with pytest.raises(UsageError, match="no host serverX"):
        SITE.only(("serverX",))


def test_the_scraper_scrapes_every_server_at_its_address_on_the_network() -> None:
    addresses = {host.name: f"10.77.4.{host.address}" for host in SITE.hosts}
    placed = {file.path: file.content for file in projects.files("monitoring", addresses)}
    jobs = yaml.safe_load(placed["/opt/monitoring/prometheus/prometheus.yml"] or b"")["scrape_configs"]
    targets = {job["job_name"]: set(job["static_configs"][0]["targets"]) for job in jobs}
    nodes = {host.name for host in SITE.hosts if "node" in host.roles} - {"vps-i1", "lcx"}
    assert targets["node"] == {f"{addresses[name]}:9100" for name in nodes}
    assert targets["cadvisor"] == {f"{addresses[host.name]}:8080" for host in SITE.hosts if host.docker and host.name in nodes}


def test_a_shell_finds_hosts_and_light_hosts_and_names_those_that_there_are(tmp_path: Path) -> None:
    lab = Lab("demo", tmp_path / "demo")
    state.save(lab, State("10.77.4.0/24", {"serverA": 2201}, lights=2))
    assert where(lab, "serverA") == ("127.0.0.1", 2201)
    assert where(lab, "light002") == ("127.64.4.2", lights.PORT)
    with pytest.raises(UsageError, match="no host light003") as caught:
        where(lab, "light003")
    assert caught.value.saw == "it has serverA, light001 to light002"


def test_a_service_is_read_from_one_line_of_json() -> None:
    line = '{"name": "loki", "image": "grafana/loki:3.4.5", "state": "running", "health": "healthy", "stand_in": true}'
    assert parse(line + "\n") == (ServiceStatus("loki", "grafana/loki:3.4.5", "running", "healthy", stand_in=True),)


def test_every_fault_is_told_in_one_line_and_found_by_its_name() -> None:
    assert len(FAULTS) == 32
    for one in FAULTS:
        assert fault(one.name) is one
        assert "\n" not in one.summary
        assert one.least <= one.most
        assert bool(one.takes) == (one.most > 0)


def test_a_near_miss_of_a_fault_is_told_the_right_one_and_what_to_type_next_breaks_nothing() -> None:
    with pytest.raises(UsageError) as caught:
        fault("crashloop")
    assert caught.value.saw == "did you mean crash-loop?"
    assert caught.value.next == "opsbook lab break    (lists them, breaks nothing)"


def test_overrides_of_several_faults_are_one_file_and_replace_mounts() -> None:
    loop = Injected("crash-loop", (), {"service": "loki", "override": '{"command": ["--no"]}'})
    mount = Injected("stale-mount", (), {"service": "prometheus", "override": '{"volumes": ["./a:/a:ro"]}'})
    flag = Injected("no-lifecycle", (), {"service": "prometheus", "override": '{"command": ["--x"]}'})
    written = overrides.text((loop, Injected("dirty-checkout"), mount, flag))
    assert written is not None
    assert "volumes: !override" in written
    services = yaml.safe_load(written.replace("!override", ""))["services"]
    assert services == {"loki": {"command": ["--no"]}, "prometheus": {"command": ["--x"], "volumes": ["./a:/a:ro"]}}
    assert overrides.text((Injected("dirty-checkout"),)) is None
