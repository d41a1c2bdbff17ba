from __future__ import annotations

import json
from typing import Any

import pytest

from opsbook.check import Seen
from opsbook.host import Result
from opsbook.moves import sending
from opsbook.systems.inside import complaint
from opsbook.web import Request
from tests.fake import FakeTransport, fake_host
from tests.fake_docker import inspected, teach_containers

STATUS = {"config": {"original": "route: {}\n"}, "uptime": "2026-01-01T00:00:00Z", "versionInfo": {"version": "0.28.1"}}
AT, OTHER = "http://alertmanager:9093", "http://elsewhere:9093"
LOOK, LOOK_AT_OTHER = (complaint("prometheus-id", f"{place}/-/ready") for place in (AT, OTHER))
REFUSED = Result(1, "", "wget: can't connect to remote host (172.18.0.3): Connection refused\n")
METRICS = Request("promtail", "/metrics")


def alerts(*, used: tuple[str, ...] = (AT,), status: Any = STATUS, receivers: tuple[str, ...] = ("email",), **looks: Result) -> Seen:
    """What is seen of alerts that go to these addresses, with how a look from inside Prometheus ends."""
    fake = FakeTransport()
    active = [{"url": f"{place}/api/v2/alerts"} for place in used]
    fake.teach(Request("prometheus", "/api/v1/alertmanagers"), json.dumps({"status": "success", "data": {"activeAlertmanagers": active}}))
    fake.teach(Request("alertmanager", "/api/v2/status"), json.dumps(status))
    fake.teach(Request("alertmanager", "/api/v2/receivers"), json.dumps([{"name": name} for name in receivers]))
    fake.teach(LOOK, looks.get("look", Result(0)))
    fake.teach(LOOK_AT_OTHER, looks.get("other", Result(0)))
    teach_containers(fake, [inspected("prometheus")])
    return sending.alerts_find_a_receiver(fake_host(fake))


def test_an_alertmanager_that_prometheus_reaches_is_a_receiver() -> None:
    assert alerts() == Seen(
        ok=True, saw=f"1 receiver; Prometheus sends to {AT}/api/v2/alerts", next="opsbook logs alertmanager vps-i1"
    )


def test_an_alertmanager_that_is_not_as_it_should_is_no_receiver() -> None:
    for seen, saw in (
        (alerts(receivers=()), "0 receivers"),
        (alerts(used=()), "Prometheus sends to nobody"),
        (alerts(status={**STATUS, "config": {"original": "\n"}}), "1 receiver"),
    ):
        assert (seen.ok, saw in seen.saw) == (False, True), seen.saw


def test_an_address_that_prometheus_has_but_cannot_reach_is_no_receiver() -> None:
    seen = alerts(look=REFUSED)
    assert not seen.ok
    line = f"{AT}/api/v2/alerts cannot be reached from prometheus: can't connect to remote host (172.18.0.3): Connection refused"
    assert seen.saw.splitlines()[1:] == [line]


def test_one_that_is_reached_among_several_is_enough_and_the_others_are_named() -> None:
    seen = alerts(used=(AT, OTHER), other=REFUSED)
    assert (seen.ok, f"{OTHER}/api/v2/alerts cannot be reached" in seen.saw) == (True, True), seen.saw


@pytest.mark.parametrize(
    "look", [Result(127, "", "no wget"), Result(1, "", "wget: server returned error: HTTP/1.1 401 Unauthorized"), Result(8)]
)
def test_a_look_that_cannot_tell_or_got_an_answer_is_not_held_against_it(look: Result) -> None:
    assert alerts(look=look).ok


def test_what_is_spoken_to_by_https_is_not_looked_at_from_inside() -> None:
    assert alerts(used=("https://elsewhere:9093",)).ok


def page(*, sent: int = 7, good: int = 3, failed: int = 0, dropped: int = 0) -> str:
    request = 'promtail_request_duration_seconds_count{host="loki",status_code="%s"} %s\n'
    counts = f'promtail_sent_entries_total{{host="loki"}} {sent}\npromtail_dropped_entries_total{{host="loki"}} {dropped}\n'
    return counts + request % ("204", good) + (request % ("-1", failed) if failed else "")


def promtail(*looks: str) -> Seen:
    fake = FakeTransport()
    fake.teach(METRICS, *looks)
    return sending.promtail_sends(fake_host(fake))


def test_a_promtail_that_never_failed_and_has_sent_sends() -> None:
    assert promtail(page()).ok


def test_a_promtail_that_has_sent_nothing_does_not() -> None:
    seen = promtail(page(sent=0))
    assert (seen.ok, seen.saw) == (False, "0 lines sent, 0 dropped, since it started")


def test_one_that_has_sent_once_but_fails_now_does_not() -> None:
    seen = promtail(page(failed=2), page(failed=2), page(failed=3))
    assert (seen.ok, seen.saw) == (False, "7 lines sent, 0 dropped, since it started; but now its attempts fail, with status -1")


def test_failures_before_loki_was_up_are_forgiven_once_a_later_attempt_succeeds() -> None:
    assert promtail(page(failed=2), page(failed=2), page(failed=2, good=4, sent=9)).saw == "9 lines sent, 0 dropped, since it started"


def test_failures_before_loki_was_up_are_forgiven_when_there_is_nothing_to_send_since() -> None:
    seen = promtail(page(failed=2))
    assert (seen.ok, seen.saw) == (True, "7 lines sent, 0 dropped, since it started; nothing to send in 10 s")
