from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from opsbook.answer import Answer
from opsbook.errors import CommandFailed
from opsbook.events import Event
from opsbook.host import Host, Result
from opsbook.inventory import HostEntry
from opsbook.moves.triage.gather import ALERTMANAGER, CADDY, FIRING, LINES, PROMETHEUS
from opsbook.record import current
from opsbook.runbook import NoParams, load, pages
from opsbook.systems import docker
from opsbook.systems.certificate import served
from opsbook.systems.compose import compose
from opsbook.systems.machine import look
from opsbook.watch.eviction import holder
from opsbook.web import Request
from tests.fake import SERVICES, STACK, FakeTransport, a_run, fake_host
from tests.fake_docker import inspected, teach_containers

BOOK = load(pages([Path("runbooks")])["triage"])
LOOK = look(STACK.checkout)
NOW = 1_700_000_200
DATE = "notBefore=Nov 14 00:00:00 2023 GMT\nnotAfter=Feb 14 00:00:00 2024 GMT\nissuer=CN=R3"


def sections(**more: tuple[int, str]) -> str:
    told = {
        "now": (0, f"{time.time():.0f} +0000"),
        "load": (0, "0.10 0.10 0.10 1/100 1000"),
        "uptime": (0, "864000.00 100.00"),
        "cpus": (0, "2"),
        "clock": (0, "NTP=yes\nNTPSynchronized=yes"),
        "commits": (0, f"0123456789\x1fAnna\x1f{NOW - 60}\x1fWatch the queues"),
        **more,
    }
    return "".join(f"\x1e{name}\x1f{code}\n{said}\n" for name, (code, said) in told.items())


def containers(*down: str) -> list[dict[str, Any]]:
    return [inspected(one.name, status="exited" if one.name in down else "running") for one in SERVICES]


def teach_that_nobody_is_at_work(fake: FakeTransport) -> None:
    fake.teach(holder(), Result(66, ""))
    fake.teach(current(), Result(66, ""))


def well_host(*down: str) -> FakeTransport:
    fake, found = FakeTransport(), containers(*down)
    fake.teach(LOOK, sections(containers=(0, json.dumps(found))))
    teach_that_nobody_is_at_work(fake)
    teach_containers(fake, found)
    for service in SERVICES:
        fake.teach(Request(service.name, service.probe))
    fake.teach(PROMETHEUS.rules(), '{"data": {"groups": []}}')
    fake.teach(PROMETHEUS.targets(), '{"data": {"activeTargets": []}}')
    fake.teach(PROMETHEUS.query(FIRING), '{"data": {"resultType": "vector", "result": []}}')
    fake.teach(PROMETHEUS.metrics(), "prometheus_config_last_reload_successful 1\n")
    fake.teach(ALERTMANAGER.metrics(), Result(500, "no"))
    site = {"listen": [":443"], "routes": [{"match": [{"host": ["a.example"]}]}]}
    fake.teach(CADDY.sites(), json.dumps({"apps": {"http": {"servers": {"x": site}}}}))
    fake.teach(served(["a.example"]), f"a.example\x1e{DATE}\x1f")
    for service in down:
        fake.teach(docker.last_lines(f"{service}-id", LINES), "level=error msg=boom\n")
    return fake


def triaged(fake: FakeTransport, entry: HostEntry | None = None) -> tuple[Answer, list[Event]]:
    events: list[Event] = []
    run = a_run(reads_only=True)
    host: Host = fake_host(fake, run=run, events=events) if entry is None else fake_host(fake, run=run, events=events, entry=entry)
    assert BOOK.answer is not None
    return BOOK.answer(host, NoParams()), events


def test_the_likeliest_culprit_is_named_first_with_its_last_words_and_the_next_command() -> None:
    answer, _ = triaged(well_host("loki"))
    shown = ("bad   loki does not run: exited (1)", "      | level=error msg=boom", "      next: opsbook logs loki vps-i1")
    assert answer.lines[:3] == shown
    assert (answer.trouble, answer.next) == ("loki does not run: exited (1)", "opsbook logs loki vps-i1")


def test_a_first_verdict_is_told_before_any_service_is_asked() -> None:
    fake = well_host("loki")
    _, events = triaged(fake)
    spoke = [event.title if event.kind == "say" else "asked" for event in events]
    assert spoke[:2] == ["asked", "at first sight: loki does not run: exited (1)"]
    assert len([one for one in spoke if one == "asked"]) == len(fake.asked) > 10


def test_a_docker_that_is_down_is_named_and_no_service_asked() -> None:
    fake = FakeTransport()
    fake.teach(LOOK, sections(containers=(1, "Cannot connect to the Docker daemon")))
    teach_that_nobody_is_at_work(fake)
    answer, _ = triaged(fake)
    assert answer.trouble == "Docker does not run: Cannot connect to the Docker daemon"
    assert answer.next == "ssh vps-i1 sudo -n /usr/local/sbin/opsbook-units <<<'start docker.service'"
    assert len(fake.asked) == 3     # the machine, the lock, the record


def test_a_service_that_does_not_answer_costs_only_its_own_part() -> None:
    fake = well_host()
    fake.teach(PROMETHEUS.rules(), CommandFailed("no answer"))
    fake.teach(PROMETHEUS.targets(), Result(200, "<html>"))
    fake.teach(served(["a.example"]), Result(1, ""))
    answer, _ = triaged(fake)
    assert (answer.trouble, answer.lines[0]) == ("", "ok    nothing points to trouble")


def test_all_is_asked_and_a_prometheus_without_rules_is_trouble() -> None:
    answer, _ = triaged(well_host())
    assert answer.trouble.startswith("Prometheus runs no rule at all")
    assert answer.table is not None
    assert {"reloads", "certificates", "commits", "containers"} <= {row[0] for row in answer.table.rows}


def test_a_host_without_a_stack_is_looked_at_all_the_same() -> None:
    fake = FakeTransport()
    fake.teach(look(None), sections(failed=(0, "apt-daily.service loaded failed failed x")))
    teach_that_nobody_is_at_work(fake)
    answer, _ = triaged(fake, HostEntry("serverA", address="192.0.2.20"))
    assert (answer.trouble, answer.lines[1]) == ("", "warn  apt-daily.service has failed")


def test_the_first_verdict_promises_nothing_about_the_services() -> None:
    fake, found = well_host(), containers()
    _, events = triaged(fake)
    assert events[1].title == "at first sight: machine and containers look well; asking the services …"
    clock = (0, "NTP=yes\nNTPSynchronized=no")
    fake.teach(LOOK, sections(containers=(0, json.dumps(found)), clock=clock))
    _, events = triaged(fake)
    assert "(1 warning: the host's clock follows no time server); asking" in next(e.title for e in events if e.kind == "say")


def test_a_run_that_has_not_ended_is_told_and_who_holds_the_lock() -> None:
    fake = well_host()
    told = {"id": "261121-0237-225p", "runbook": "reload-rules", "params": {}, "operator": "anna@desk", "started": 1.0, "phase": "do"}
    fake.teach(current(), json.dumps({**told, "kept": {}}))
    answer, _ = triaged(fake)
    assert "warn  a run of reload-rules has not ended" in answer.lines
    fake.teach(holder(), f"{NOW} {NOW} ")
    answer, _ = triaged(fake)
    assert "note  an operator holds the lock" in answer.lines
    assert "warn  a run of reload-rules has not ended" not in answer.lines


def test_a_damaged_run_record_keeps_nothing_from_being_told() -> None:
    fake = well_host("loki")
    fake.teach(current(), "{")
    answer, _ = triaged(fake)
    assert answer.trouble == "loki does not run: exited (1)"


def test_the_page_says_that_it_only_reads() -> None:
    assert (BOOK.page.risk, BOOK.page.chapter, BOOK.on, BOOK.steps) == ("reads", "hosts", "any", ())


def test_what_the_compose_file_means_to_end_is_asked_only_where_something_ended_well() -> None:
    ended = inspected("migrate", status="exited", health="")
    ended["State"]["ExitCode"] = 0
    fake, found = well_host(), [*containers(), ended]
    fake.teach(LOOK, sections(containers=(0, json.dumps(found))))
    teach_containers(fake, found)
    settings = compose(STACK).settings()
    fake.teach(settings, '{"name": "monitoring", "services": {"migrate": {"restart": "no"}}}')
    answer, _ = triaged(fake)
    assert "migrate" not in answer.trouble
    assert str(settings.ask) in fake.asked
    other = well_host()
    triaged(other)
    assert str(settings.ask) not in other.asked
