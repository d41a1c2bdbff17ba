"""Thanos's two probes: /-/healthy from the start, /-/ready when there is something to serve."""

from __future__ import annotations

from dataclasses import dataclass, field

from .exposition import Metrics, labels
from .logfmt import Log
from .serving import Answer, Ask, Routes, say


@dataclass
class Prober:
    component: str
    metrics: Metrics
    log: Log
    state: dict[str, bool] = field(default_factory=lambda: {"healthy": False, "ready": False})

    def healthy(self) -> None:
        self._change("healthy", True)

    def ready(self, value: bool) -> None:
        self._change("ready", value)

    def routes(self) -> Routes:
        return {"/-/healthy": lambda _: self._answer("healthy", _), "/-/ready": lambda _: self._answer("ready", _)}

    def _answer(self, check: str, _: Ask) -> Answer:
        return say("OK") if self.state[check] else say("NOT OK", 503)

    def _change(self, check: str, value: bool) -> None:
        if self.state[check] != value:
            status = check if value else f"not-{check}"
            self.log.line("info" if value else "warn", "changing probe status", {"status": status})
        self.state[check] = value
        self.metrics.set("thanos_status", value, labels({"check": check, "component": self.component}))
