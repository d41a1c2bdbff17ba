"""Every question that runbooks ask, asked of the real programs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from opsbook.check import within
from opsbook.errors import CommandFailed, NotTrue
from opsbook.host import Host, Read
from opsbook.lab.lab import Lab
from opsbook.moves import services
from opsbook.moves.mounts import container_of, different_inside, on_host, stranded
from opsbook.moves.rules import on_disk, unlike
from opsbook.systems import certificate, disk, docker, files, inside, systemd
from opsbook.systems.alertmanager import CONFIG_HASH, Alertmanager, check_config, config_hash, parse_route_test, route_test
from opsbook.systems.answers import stripped, whole
from opsbook.systems.caddy import Caddy
from opsbook.systems.compose import compose, other_owners, outdated
from opsbook.systems.dotenv import env_file
from opsbook.systems.git import INCOMING, Git
from opsbook.systems.image import with_tag
from opsbook.systems.loki import LINES_RECEIVED, Loki
from opsbook.systems.machine import look
from opsbook.systems.metrics import metric
from opsbook.systems.project import settings_that_differ
from opsbook.systems.prometheus import RELOADED, RELOADED_AT, Prometheus
from opsbook.systems.prometheus import check_config as promtool
from opsbook.systems.thanos import SEES_PROMETHEUS, Thanos
from tests.lab.open_host import open_host
from tests.lab.reach import on_vps
from tests.until import until

PROMETHEUS, ALERTMANAGER, LOKI = Prometheus(), Alertmanager(), Loki()


@pytest.fixture
def host(lab: Lab) -> Iterator[Host]:
    with open_host(lab) as opened:
        yield opened


def test_every_service_has_a_container_and_answers_at_its_own_endpoint(host: Host) -> None:
    for service in host.stack.services:
        seen = within(30, services.endpoint_answers)(host, service.name)
        assert seen.ok, f"{service.name}: {seen.saw}"
        assert within(30, services.is_healthy)(host, service.name).ok
    services.expect_own_project(host)


def test_containers_tell_addresses_mounts_and_images(host: Host) -> None:
    found = host.read(docker.containers(host.stack.project))
    assert {container.service for container in found} == {service.name for service in host.stack.services}
    prometheus = container_of(host, "prometheus")
    assert prometheus.user in {"", "65534", "65534:65534", "nobody"}
    image = host.read(docker.image(prometheus.image))
    assert image is not None
    assert image.id == prometheus.image_id == host.read(docker.image_ids())[with_tag(prometheus.image)]
    assert host.read(docker.image("prom/nothing")) is None
    assert host.read(docker.version()).startswith("2")
    assert host.read(docker.root()) == "/var/lib/docker"


def test_nothing_has_to_be_made_anew_and_no_setting_differs(host: Host) -> None:
    project = host.read(compose(host.stack).settings())
    found = host.read(docker.containers(host.stack.project))
    assert project.unset == ()
    assert set(project.services) == {service.name for service in host.stack.services}
    assert outdated(host.read(compose(host.stack).hashes()), found, host.read(docker.image_ids())) == ()
    assert other_owners(host.stack.directory, found) == ()
    for container in found:
        image = host.read(docker.image_of(container))
        assert settings_that_differ(container, project.services[container.service], image) == (), container.name


def test_prometheus_runs_the_rules_that_are_on_disk(host: Host) -> None:
    container = container_of(host, "prometheus")
    tree = on_disk(host, container)
    assert unlike(host, PROMETHEUS, host.read(PROMETHEUS.rules()), tree.groups) == ()
    assert len(tree.groups) >= 8
    assert not different_inside(host, container, tree.paths)
    assert tree.without_rules() == ()


def test_prometheus_tells_of_itself(host: Host) -> None:
    config, flags = host.read(PROMETHEUS.config()), host.read(PROMETHEUS.flags())
    assert (config.scrape, config.evaluation, config.alerting) == (host.stack.scrape, host.stack.evaluation, True)
    assert flags["web.enable-lifecycle"] == "true"
    assert host.read(PROMETHEUS.build())["version"].startswith("2.53")
    page = host.read(PROMETHEUS.metrics())
    assert metric(page, RELOADED) == 1
    assert (metric(page, RELOADED_AT) or 0) > 1_700_000_000
    assert host.read(PROMETHEUS.ready())
    assert host.read(PROMETHEUS.healthy())
    assert until(lambda: host.read(PROMETHEUS.alertmanagers()), within=15)
    assert until(lambda: {"prometheus", "queue-exporter", "caddy"} <= {target.job for target in host.read(PROMETHEUS.targets())}, within=15)
    assert until(lambda: [sample.value for sample in host.read(PROMETHEUS.query('up{job="prometheus"}'))] == [1.0], within=15)


def test_a_query_that_does_not_parse_is_an_error_with_prometheuss_own_words(host: Host) -> None:
    with pytest.raises(CommandFailed, match="unclosed left parenthesis"):
        host.read(PROMETHEUS.formatted("sum(("))


def test_promtool_and_amtool_judge_in_a_throwaway_container(host: Host) -> None:
    container = container_of(host, "prometheus")
    good = inside.throwaway(container.image_id, container.mounts[:0], "promtool", "--version", user=container.user)
    assert "promtool" in host.read(Read(good, lambda result: result.out + result.err))
    binds = [mount for mount in container.mounts if mount.type == "bind"]
    judged = inside.throwaway(container.image_id, binds, *promtool("/etc/prometheus/prometheus.yml"), user=container.user)
    assert host.read(Read(judged, whole)).code == 0
    alertmanager = container_of(host, "alertmanager")
    path = "/etc/alertmanager/alertmanager.yml"
    assert host.read(Read(inside.exec_(alertmanager.id, *check_config(path)), whole)).code == 0
    assert host.read(Read(inside.exec_(alertmanager.id, *route_test(path, {"severity": "critical"})), parse_route_test)) == ("pager",)


def test_alertmanager_tells_the_hash_of_the_file_it_runs(host: Host) -> None:
    path = on_host(container_of(host, "alertmanager"), "/etc/alertmanager/alertmanager.yml")
    text = host.read(files.read(path))
    assert text is not None
    assert metric(host.read(ALERTMANAGER.metrics()), CONFIG_HASH) == config_hash(text)
    assert host.read(ALERTMANAGER.status()).version.startswith("0.28")
    assert set(host.read(ALERTMANAGER.receivers())) == {"email", "pager"}
    assert host.read(ALERTMANAGER.ready())


def test_a_line_sent_to_loki_is_found_again(host: Host) -> None:
    now = time.time()
    labels = {"job": "opsbook", "run": f"{now}"}
    host.write(LOKI.push(labels, "a test line", now))
    assert host.read(LOKI.lines(labels, now - 60, now + 60)) == ("a test line",)
    assert (metric(host.read(LOKI.metrics()), LINES_RECEIVED) or 0) > 0


def test_thanos_and_caddy_tell_what_they_reach_and_serve(host: Host) -> None:
    query, sidecar = Thanos("thanos-query"), Thanos("thanos-sidecar")
    assert until(lambda: [(store.kind, store.error) for store in host.read(query.stores())] == [("sidecar", "")], within=15)
    assert until(lambda: metric(host.read(sidecar.metrics()), SEES_PROMETHEUS) == 1, within=15)
    sites = host.read(Caddy().sites())
    assert ":443" in sites.listens
    found = host.read(certificate.served([*sites.names, "nothing.example"]))
    assert found["nothing.example"] is None
    assert {name for name, shown in found.items() if shown is not None and shown.ends > time.time()} == set(sites.names)


def test_files_of_the_host_are_read_and_its_secrets_are_where_they_should_be(host: Host) -> None:
    path = f"{host.stack.directory}/{host.stack.env_file}"
    stat, values = host.read(files.stat(path)), host.read(env_file(path))
    assert stat is not None
    assert (stat.mode, stat.owner) == (0o600, "claude-admin")
    assert values is not None
    assert values["CADDY_ADMIN_HASH"].startswith("$2")
    assert container_of(host, "caddy").env["CADDY_ADMIN_HASH"] == values["CADDY_ADMIN_HASH"]
    assert host.read(disk.disks(host.stack.directory))[0].size > 0
    assert stranded(container_of(host, "caddy"), [f"{host.stack.directory}/Caddyfile"])


def test_the_checkout_tells_where_it_stands_and_what_would_come(host: Host) -> None:
    git = Git(host.stack.checkout)
    status = host.read(git.status())
    assert (status.branch, status.dirty) == ("main", ())
    assert host.read(git.fetch()) == host.read(git.commit(INCOMING))
    assert host.read(git.is_ancestor(status.head, INCOMING))
    assert host.read(git.newest(1))[0].id == status.head
    assert host.read(git.fetch("no-such-branch")) is None


def test_the_whole_host_answers_at_one_look_within_a_second(host: Host) -> None:
    host.read(systemd.is_active("docker.service"))

    def timed() -> float:
        began = time.monotonic()
        host.read(look(host.stack.checkout))
        return time.monotonic() - began

    assert min(timed() for _ in range(3)) < 1
    machine = host.read(look(host.stack.checkout))
    assert machine.silent == {}
    assert {container.service for container in machine.containers or ()} >= {"prometheus", "caddy"}
    assert machine.commits
    assert abs((machine.now or 0) - time.time()) < 5


def test_a_log_is_read_with_both_its_streams(host: Host) -> None:
    assert "Server is ready to receive web requests" in host.read(docker.last_lines(container_of(host, "prometheus").id, 500))
    assert host.read(Read(docker.logs(container_of(host, "caddy").id, lines=1), stripped))


def test_a_service_is_stopped_for_a_moment_and_started_although_the_block_failed(host: Host, restored: Lab) -> None:
    with pytest.raises(NotTrue), services.stopped(host, "blackbox-exporter"):
        assert services.endpoint_answers(host, "blackbox-exporter").saw.startswith("blackbox-exporter does not run")
        assert "start blackbox-exporter" in on_vps(restored, "cat ~/.local/state/opsbook/debts/*")
        raise NotTrue("something else")
    assert within(30, services.is_healthy)(host, "blackbox-exporter").ok
    assert services.restart_count_is_stable(host, "blackbox-exporter").ok
    assert on_vps(restored, "ls ~/.local/state/opsbook/debts") == ""


def test_a_start_is_seen_by_its_time(host: Host, restored: Lab) -> None:
    host.run.started = float(on_vps(restored, "date +%s.%N"))
    assert not services.has_started_anew(host, "blackbox-exporter").ok
    host.write(compose(host.stack).restart("blackbox-exporter"))
    assert services.has_started_anew(host, "blackbox-exporter").ok
