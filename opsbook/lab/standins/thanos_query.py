"""`thanos query`: one PromQL door over its sidecars."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .arguments import Flags
from .endpoints import Store, look_at
from .exposition import Metrics, labels, selector
from .logfmt import Log
from .prober import Prober
from .serving import FORM, JSON, Answer, Ask, Life, Server, ask, metrics_route, tell

FLAGS = {
    "endpoint": "",
    "endpoint-strict": "",
    "endpoint-group": "",
    "store": "",
    "store-strict": "",
    "store.sd-files": "",
    "store.unhealthy-timeout": "5m",
    "store.response-timeout": "0ms",
    "query.replica-label": "",
    "query.timeout": "2m",
    "query.max-concurrent": "20",
    "query.lookback-delta": "5m",
    "query.promql-engine": "prometheus",
    "query.default-evaluation-interval": "1m",
    "selector-label": "",
    "web.external-prefix": "",
    "web.route-prefix": "",
    "alert.query-url": "",
}
SWITCHES = frozenset({"query.auto-downsampling", "query.partial-response", "web.disable-cors"})
REFRESH, RETRY = 5.0, 1.0


@dataclass
class Querier:
    addresses: tuple[str, ...]
    replicas: frozenset[str]
    log: Log
    metrics: Metrics
    known: tuple[Store, ...] = ()

    def refresh(self) -> float:
        """Look at every endpoint; return when to look again."""
        before = {store.name for store in self.known if not store.error}
        self.known = tuple(look_at(address) for address in self.addresses)
        for store in self.known:
            described = [selector(labels(item)) for item in store.label_sets]
            if store.error:
                self.log.line("warn", "update of endpoint failed", {"err": store.error, "address": store.name})
            elif store.name not in before:
                self.log.line("info", f"adding new {store.kind} with {described}", {"address": store.name})
        self.metrics.set("thanos_store_nodes_grpc_connections", len(self.reachable()))
        return RETRY if len(self.reachable()) < len(self.addresses) else REFRESH

    def reachable(self) -> list[Store]:
        return [store for store in self.known if not store.error]

    def stores(self, _: Ask) -> Answer:
        by_kind: dict[str, list[dict[str, object]]] = {}
        for store in self.known:
            by_kind.setdefault(store.kind, []).append(store.described())
        return tell({"status": "success", "data": by_kind})

    def query(self, request: Ask) -> Answer:
        """Ask every reachable endpoint and join the answers; the first refusal is the answer."""
        answers = [self._one(store, request) for store in self.reachable()]
        refusal = next((answer for answer in answers if not answer.ok), None)
        return refusal or tell(_joined([json.loads(answer.body) for answer in answers], self.replicas))

    def _one(self, store: Store, request: Ask) -> Answer:
        url = f"http://{store.name.removeprefix('dns+')}{request.path}" + (f"?{request.query}" if request.query else "")
        try:
            return ask(url, request.body or None, request.headers.get("content-type", FORM), within=30)
        except OSError as error:
            body = {"status": "error", "errorType": "execution", "error": f"receive series from {store.name}: {error}"}
            return Answer(422, json.dumps(body).encode(), JSON)


def run(flags: Flags, log: Log, life: Life, metrics: Metrics) -> None:
    """Start everything in the background."""
    prober = Prober("query", metrics, log)
    given = [value for name in ("endpoint", "endpoint-strict", "store", "store-strict") for value in flags.values[name]]
    replicas = frozenset(value for value in flags.values["query.replica-label"] if value)
    querier = Querier(tuple(value for value in given if value), replicas, log, metrics)
    routes = {"/metrics": metrics_route(metrics), "/api/v1/stores": querier.stores, "/api/v1/": querier.query}
    Server(flags.one("http-address"), {**prober.routes(), **routes})
    prober.healthy()
    prober.ready(True)
    log.line("info", "starting query node")
    life.repeat(querier.refresh)


def _joined(replies: list[dict[str, Any]], replicas: frozenset[str]) -> dict[str, Any]:
    """Join several answers into one: the same series without its replica labels stands once."""
    if not replies:
        return {"status": "success", "data": {"resultType": "vector", "result": []}, "warnings": ["no matching stores"]}
    first = replies[0]
    data = first.get("data")
    if isinstance(data, dict) and data.get("resultType") in {"vector", "matrix"}:
        every = (series for reply in replies for series in reply["data"]["result"])
        data["result"] = list(_deduplicated(every, replicas))
    elif isinstance(data, list) and len(replies) > 1:
        first["data"] = [json.loads(text) for text in sorted({json.dumps(item) for reply in replies for item in reply["data"]})]
    return first


def _deduplicated(every: Iterable[dict[str, Any]], replicas: frozenset[str]) -> Iterable[dict[str, Any]]:
    seen = set()
    for series in every:
        series["metric"] = {key: value for key, value in series["metric"].items() if key not in replicas}
        identity = labels(series["metric"])
        if identity not in seen:
            seen.add(identity)
            yield series
