"""`thanos sidecar`: watches its Prometheus, ships its blocks, and answers the querier.

The querier's protocol is HTTP on the gRPC address: both ends are stand-ins, or both are real.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .arguments import Flags
from .exposition import Metrics, labels, selector
from .logfmt import Log
from .prober import Prober
from .prometheus import block_durations, external_labels, proxied
from .serving import Answer, Ask, Life, Server, metrics_route, tell
from .settings import seconds
from .shipper import Shipper, open_bucket

Run = Callable[[Flags, Log, Life, Metrics], None]
FLAGS = {
    "tsdb.path": "./data",
    "prometheus.url": "http://localhost:9090",
    "prometheus.ready_timeout": "10m",
    "prometheus.get_config_interval": "30s",
    "prometheus.get_config_timeout": "30s",
    "prometheus.http-client": "",
    "prometheus.http-client-file": "",
    "objstore.config": "",
    "objstore.config-file": "",
    "shipper.meta-file-name": "thanos.shipper.json",
    "min-time": "0000-01-01T00:00:00Z",
    "reloader.config-file": "",
    "reloader.config-envsubst-file": "",
    "reloader.rule-dir": "",
    "reloader.watch-interval": "3m",
    "reloader.retry-interval": "5s",
}
SWITCHES = frozenset(
    {"shipper.upload-compacted", "shipper.ignore-unequal-block-size", "shipper.allow-out-of-order-uploads"}
)
RETRY = 2.0
SYNC = 30.0
FOREVER = 2**63 - 1


@dataclass
class Sidecar:
    """What the sidecar knows of its Prometheus."""

    url: str
    heartbeat: float
    log: Log
    life: Life
    metrics: Metrics
    prober: Prober
    labels: dict[str, str] = field(default_factory=dict)

    def validate(self, may_differ: bool) -> None:
        """Refuse a Prometheus that compacts: its blocks would change under the shipper."""
        low, high = block_durations(self.url)
        if low != high and not may_differ:
            self.life.fail(
                f"validate Prometheus flags: found that TSDB Max time is {high} and Min time is {low}. Compaction needs "
                "to be disabled (storage.tsdb.min-block-duration = storage.tsdb.max-block-duration)"
            )

    def beat(self) -> float:
        """Ask for the external labels, which proves that Prometheus answers; return when to ask again."""
        known = bool(self.labels)
        try:
            self.labels = external_labels(self.url)
        except (OSError, ValueError) as error:
            doubt = "failed to fetch initial external labels. Is Prometheus running? Retrying"
            self.log.line("warn", "heartbeat failed" if known else doubt, {"err": error})
            self._show(False)
            return self.heartbeat if known else RETRY
        if not self.labels:
            self.life.fail("no external labels configured on Prometheus server, they must identify it uniquely")
            return RETRY
        if not known:
            self.log.line("info", "successfully loaded prometheus external labels", {"external_labels": selector(labels(self.labels))})
        self._show(True)
        return self.heartbeat

    def _show(self, up: bool) -> None:
        self.metrics.set("thanos_sidecar_prometheus_up", up)
        if up:
            self.metrics.set("thanos_sidecar_last_heartbeat_success_time_seconds", time.time())
        self.prober.ready(up)

    def info(self, _: Ask) -> Answer:
        """Tell the querier who we are."""
        return tell({"type": "sidecar", "labelSets": [self.labels], "minTime": 0, "maxTime": FOREVER}, 200 if self.labels else 503)

    def query(self, request: Ask) -> Answer:
        """Pass a query on, and add the external labels that tell our series from others'."""
        return proxied(self.url, request, self.labels)


def run(flags: Flags, log: Log, life: Life, metrics: Metrics) -> None:
    """Start everything in the background."""
    prober = Prober("sidecar", metrics, log)
    beat = seconds(flags.one("prometheus.get_config_interval"))
    sidecar = Sidecar(flags.one("prometheus.url").rstrip("/"), beat, log, life, metrics, prober)
    metrics.set("thanos_sidecar_prometheus_up", 0)
    bucket = open_bucket(flags)
    Server(flags.one("http-address"), {**prober.routes(), "/metrics": metrics_route(metrics)})
    Server(flags.one("grpc-address"), {"/info": sidecar.info, "/api/": sidecar.query})
    prober.healthy()
    log.line("info", "starting sidecar")
    if bucket is None:
        log.line("info", "no supported bucket was configured, uploads will be disabled")
        life.repeat(sidecar.beat)
        return
    shipper = Shipper(flags.one("tsdb.path"), flags.one("shipper.meta-file-name"), bucket, log, metrics)
    life.repeat(_validated_then(sidecar, flags.on("shipper.ignore-unequal-block-size")))
    life.repeat(lambda: _shipped(sidecar, shipper))


def _shipped(sidecar: Sidecar, shipper: Shipper) -> float:
    """Upload once the labels are known; return when to try again."""
    if not sidecar.labels:
        return RETRY
    shipper.sync(sidecar.labels)
    return SYNC


def _validated_then(sidecar: Sidecar, may_differ: bool) -> Callable[[], float]:
    """Return the heartbeat with the check of Prometheus's flags before its first."""
    checked: list[bool] = []

    def step() -> float:
        if checked:
            return sidecar.beat()
        try:
            sidecar.validate(may_differ)
        except (OSError, ValueError) as error:
            sidecar.log.line("warn", "failed to get Prometheus flags. Is Prometheus running? Retrying", {"err": error})
            return RETRY
        checked.append(True)
        return 0.0

    return step
