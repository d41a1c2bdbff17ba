"""Whether what is sent arrives: alerts at Alertmanager, log lines at Loki. Neither an address nor an earlier success proves it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.host import Host, Read
from opsbook.moves import services
from opsbook.systems.alertmanager import Alertmanager
from opsbook.systems.answers import text
from opsbook.systems.inside import complaint
from opsbook.systems.metrics import samples
from opsbook.systems.prometheus import Prometheus
from opsbook.web import Request

PROMETHEUS, ALERTMANAGER, PROMTAIL = Prometheus(), Alertmanager(), "promtail"
SENT, DROPPED, REQUESTS = "promtail_sent_entries_total", "promtail_dropped_entries_total", "promtail_request_duration_seconds_count"
MOVES_WITHIN, LOOK_EVERY = 10.0, 0.2
ALERTS, READY = "/api/v2/alerts", "/-/ready"


def alerts_find_a_receiver(host: Host) -> Seen:
    """Alertmanager runs its configuration, and Prometheus reaches one to send to."""
    receivers, used = host.read(ALERTMANAGER.receivers()), host.read(PROMETHEUS.alertmanagers())
    loaded = bool(host.read(ALERTMANAGER.status()).config.strip())
    unreached = [f"{url} cannot be reached from {PROMETHEUS.service}: {why}" for url in used if (why := _in_the_way(host, url))]
    saw = "\n".join([f"{counted(len(receivers), 'receiver')}; Prometheus sends to {', '.join(used) or 'nobody'}", *unreached])
    return Seen(loaded and bool(receivers) and len(unreached) < len(used), saw, next=f"opsbook logs {ALERTMANAGER.service} {host.name}")


def promtail_sends(host: Host) -> Seen:
    """Promtail sends log lines to Loki: where an attempt has failed since its start, a later one has to succeed."""
    first = _promtail(host)
    saw, next_ = f"{first.sent:g} lines sent, {first.dropped:g} dropped, since it started", f"opsbook logs {PROMTAIL} {host.name}"
    if not first.sent or not first.failed:
        return Seen(first.sent > 0, saw, next_)
    until = host.clock() + MOVES_WITHIN
    while (now := _promtail(host)).good <= first.good and now.failed <= first.failed and host.clock() < until:
        host.pause(LOOK_EVERY)
    if now.good > first.good:
        return Seen(ok=True, saw=f"{now.sent:g} lines sent, {now.dropped:g} dropped, since it started")
    if now.failed > first.failed:
        return Seen(ok=False, saw=f"{saw}; but now its attempts fail, with status {now.status}", next=next_)
    return Seen(ok=True, saw=f"{saw}; nothing to send in {MOVES_WITHIN:g} s")


@dataclass(frozen=True)
class _Counts:
    sent: float
    dropped: float
    good: float         # requests that Loki has taken
    failed: float       # and those that it has not
    status: str         # what these ended with; -1 is no answer


def _promtail(host: Host) -> _Counts:
    page = host.read(Read(Request(PROMTAIL, "/metrics"), text))
    sent, dropped = (sum(sample.value for sample in samples(page, name)) for name in (SENT, DROPPED))
    by_status = [(sample.labels.get("status_code", ""), sample.value) for sample in samples(page, REQUESTS)]
    good = sum(count for status, count in by_status if status.startswith("2"))
    bad = {status: count for status, count in by_status if not status.startswith("2") and count}
    return _Counts(sent, dropped, good, sum(bad.values()), " or ".join(sorted(bad)))


def _in_the_way(host: Host, url: str) -> str:
    """Return why Prometheus cannot reach that address; nothing if it can, or if nobody can tell from here."""
    found = services.container(host, PROMETHEUS.service)
    if found is None or urlsplit(url).scheme != "http" or not url.endswith(ALERTS):
        return ""
    return host.read(complaint(found.id, url.removesuffix(ALERTS) + READY))
