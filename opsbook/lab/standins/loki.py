"""The stand-in for Loki 3.4.5: takes logs, keeps them in memory, answers LogQL's selectors and line filters."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from .exposition import Metrics, labels
from .goprogram import Program
from .logfmt import Log
from .logql import QueryError, parse_query
from .loki_store import Rejected, Store
from .serving import Answer, Ask, Life, Route, Server, metrics_route, say, tell
from .settings import lookup, seconds
from .yamlflow import Value

KEYS = frozenset(
    {
        "target", "auth_enabled", "ballast_bytes", "server", "distributor", "querier", "query_range", "query_scheduler",
        "frontend", "frontend_worker", "ruler", "ingester_client", "ingester", "block_builder", "pattern_ingester",
        "index_gateway", "bloom_compactor", "bloom_build", "bloom_gateway", "storage_config", "chunk_store_config",
        "schema_config", "compactor", "compactor_grpc_client", "limits_config", "frontend_client", "ingester_rf1",
        "kafka_config", "operational_config", "runtime_config", "memberlist", "common", "analytics", "profiling", "tracing",
        "ui", "table_manager", "limits", "legacy_read_mode", "shutdown_delay", "metrics_namespace",
    }
)
PROGRAM = Program("loki", KEYS, "loki.ConfigWrapper", "verify-config", "failed parsing config")
HOUR = 3600.0


def main() -> None:
    PROGRAM.main(run)


def run(config: Value, log: Log, _life: Life, metrics: Metrics) -> None:
    """Serve; ready after the ingester's delay, as the ring of the real one."""
    delay = seconds(str(lookup(config, "ingester", "lifecycler", "min_ready_duration") or "15s"))
    oldest = seconds(str(lookup(config, "limits_config", "reject_old_samples_max_age") or "168h"))
    door = Door(Store(metrics, oldest), time.monotonic() + delay, f"{delay:g}s", lookup(config, "auth_enabled") is not False)
    port = int(str(lookup(config, "server", "http_listen_port") or 3100))
    Server(f"0.0.0.0:{port}", {"/metrics": metrics_route(metrics), **door.routes()})
    log.line("info", "Loki started", {"port": port})


@dataclass(frozen=True)
class Door:
    """Loki's HTTP interface."""

    store: Store
    ready_at: float
    delay: str
    wants_tenant: bool

    def routes(self) -> dict[str, Route]:
        api = {
            "/loki/api/v1/push": self.push,
            "/loki/api/v1/query_range": self.query,
            "/loki/api/v1/query": self.query,
            "/loki/api/v1/labels": lambda _: tell({"status": "success", "data": self.store.label_names()}),
            "/loki/api/v1/label/": self.values,
            "/loki/api/v1/series": lambda _: tell({"status": "success", "data": self.store.series()}),
        }
        return {"/ready": self.ready, **{path: self._tenant(route) for path, route in api.items()}}

    def ready(self, _: Ask) -> Answer:
        if time.monotonic() < self.ready_at:
            return say(f"Ingester not ready: waiting for {self.delay} after being ready\n", 503)
        return say("ready\n")

    def push(self, request: Ask) -> Answer:
        """Take streams in JSON. The real one takes snappy-compressed protobuf too; this one says that it does not."""
        if "json" not in request.headers.get("content-type", ""):
            return say("the stand-in reads application/json only\n", 415)
        packed = request.headers.get("content-encoding") == "gzip"
        try:
            streams = json.loads(gzip.decompress(request.body) if packed else request.body)["streams"]
            self.store.take([(labels(item["stream"]), item["values"]) for item in streams], len(request.body))
        except (ValueError, KeyError, TypeError, OSError) as error:
            return say(f"loghttp.PushRequest: {error!r}\n", 400)
        except Rejected as rejection:
            return say(f"{rejection}\n", 400)
        return Answer(204)

    def query(self, request: Ask) -> Answer:
        asked = request.parameters()
        try:
            query = parse_query(asked.get("query", [""])[-1])
        except QueryError as error:
            return say(f"{error}\n", 400)
        now = time.time()
        start = _nanoseconds(asked.get("start", [str(now - HOUR)])[-1])
        end = _nanoseconds(asked.get("end", [str(now + HOUR)])[-1])
        limit = int(asked.get("limit", ["100"])[-1])
        forward = asked.get("direction", ["backward"])[-1].lower() == "forward"
        result = self.store.select(query, (start, end), limit, forward)
        return tell({"status": "success", "data": {"resultType": "streams", "result": result, "stats": {}}})

    def values(self, request: Ask) -> Answer:
        name = request.path.removeprefix("/loki/api/v1/label/").removesuffix("/values")
        return tell({"status": "success", "data": self.store.label_values(name)})

    def _tenant(self, route: Route) -> Callable[[Ask], Answer]:
        if not self.wants_tenant:
            return route
        return lambda request: route(request) if "x-scope-orgid" in request.headers else say("no org id\n", 401)


def _nanoseconds(text: str) -> int:
    """Given seconds or nanoseconds since the epoch, return nanoseconds."""
    return int(text) if text.isdigit() and len(text) > len("9999999999") else int(float(text) * 1e9)


if __name__ == "__main__":
    main()
