"""The stand-in for Promtail 3.4.5: follows the files of its configuration and pushes their lines to Loki."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from .exposition import Labels, Metrics, labels
from .following import Follower, Positions
from .goprogram import Program
from .logfmt import Log
from .serving import JSON, Answer, Ask, Life, Server, ask, metrics_route, say
from .settings import lookup, rows, seconds, texts
from .stages import Entry, Pipeline
from .yamlflow import Value

KEYS = frozenset(
    {
        "global", "server", "client", "clients", "positions", "scrape_configs", "target_config", "limits_config", "options",
        "tracing", "wal", "runtime_config",
    }
)
PROGRAM = Program("promtail", KEYS, "config.Config", "check-syntax", "Unable to parse config")
NOT_READY = "Not ready: Unable to find any logs to tail. Please verify permissions, volumes, scrape_config, etc.\n"
BATCH = 1000
SENT = "promtail_sent_entries_total"
DROPPED = "promtail_dropped_entries_total"
REQUESTS = "promtail_request_duration_seconds_count"


def main() -> None:
    PROGRAM.main(run)


def run(config: Value, log: Log, life: Life, metrics: Metrics) -> None:
    """Serve, and follow every file in the background."""
    clients = [row for row in [*rows(lookup(config, "clients")), lookup(config, "client")] if row]
    urls = [str(lookup(client, "url")) for client in clients]
    if not urls:
        raise ValueError("at least one client config should be provided")
    wait = seconds(str(lookup(clients[0], "batchwait") or "1s"))
    positions = Positions(str(lookup(config, "positions", "filename") or "/var/log/positions.yaml"))
    followers = list(_followers(config, positions))
    shipping = Shipping(urls, followers, positions, wait, log, metrics)
    port = int(str(lookup(config, "server", "http_listen_port") or 80))
    Server(f"0.0.0.0:{port}", {"/ready": shipping.ready, "/targets": shipping.targets, "/metrics": metrics_route(metrics)})
    log.line("info", "Starting Promtail", {"port": port})
    life.repeat(shipping.step)


def _followers(config: Value, positions: Positions) -> Iterable[Follower]:
    for scrape in rows(lookup(config, "scrape_configs")):
        pipeline = Pipeline.of(lookup(scrape, "pipeline_stages"))
        for static in rows(lookup(scrape, "static_configs")):
            own = texts(lookup(static, "labels"))
            pattern = own.pop("__path__", "")
            yield Follower(str(lookup(scrape, "job_name")), pattern, own, pipeline, positions)


@dataclass(frozen=True)
class Shipping:
    """Reads what is new, sends it, and only then moves the positions on."""

    urls: Sequence[str]
    followers: Sequence[Follower]
    positions: Positions
    wait: float
    log: Log
    metrics: Metrics

    def __post_init__(self) -> None:
        for url in self.urls:
            self.metrics.set(SENT, 0, _host(url))
            self.metrics.set(DROPPED, 0, _host(url))

    def step(self) -> float:
        """Send one batch of every follower; return when to come back."""
        self.metrics.set("promtail_targets_active_total", sum(len(follower.paths()) for follower in self.followers))
        behind = False
        for follower in self.followers:
            read = follower.read(BATCH)
            if read.entries and not all(self._send(url, read.entries) for url in self.urls):
                return self.wait
            self.positions.move(read.ends)
            behind = behind or len(read.entries) == BATCH
        return 0.0 if behind else self.wait

    def ready(self, _: Ask) -> Answer:
        active = any(follower.paths() for follower in self.followers)
        return say("Ready") if active else say(NOT_READY, 500)

    def targets(self, _: Ask) -> Answer:
        rows = [f"<li>{html.escape(follower.job)}: {html.escape(path)}</li>" for follower in self.followers for path in follower.paths()]
        return Answer(200, f"<html><body><h1>Targets</h1><ul>{''.join(rows)}</ul></body></html>".encode(), "text/html")

    def _send(self, url: str, entries: Sequence[Entry]) -> bool:
        """Push; what Loki refuses for good is dropped, everything else is tried again."""
        try:
            answer = ask(url, _body(entries), JSON, within=10)
        except OSError as error:
            self._count(url, "-1")
            self.log.line("warn", "error sending batch, will retry", {"status": -1, "error": error})
            return False
        self._count(url, str(answer.status))
        if answer.status == HTTPStatus.NO_CONTENT:
            self.metrics.add(SENT, len(entries), _host(url))
            return True
        lost = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.TOO_MANY_REQUESTS
        level, doubt = ("error", "final error sending batch") if lost else ("warn", "error sending batch, will retry")
        self.log.line(level, doubt, {"status": answer.status, "error": answer.body.decode(errors="replace").strip()})
        if lost:
            self.metrics.add(DROPPED, len(entries), _host(url))
        return lost

    def _count(self, url: str, status: str) -> None:
        self.metrics.add(REQUESTS, of=labels({**dict(_host(url)), "status_code": status}))


def _host(url: str) -> Labels:
    return labels({"host": url.partition("//")[2].partition("/")[0]})


def _body(entries: Sequence[Entry]) -> bytes:
    streams: dict[Labels, list[list[str]]] = {}
    for entry in entries:
        streams.setdefault(labels(entry.labels), []).append([str(entry.at), entry.line])
    return json.dumps({"streams": [{"stream": dict(stream), "values": values} for stream, values in streams.items()]}).encode()


if __name__ == "__main__":
    main()
