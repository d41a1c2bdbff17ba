"""Grafana's process: it seeds an empty database, and answers until a signal comes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from .exposition import started
from .grafana_door import Door
from .grafana_says import log, message
from .grafana_switch import Switch
from .grafana_users import Users
from .serving import Answer, Ask, Life, Route, Server, metrics_route


def serve(settings: Mapping[str, str], version: str) -> int:
    """Serve; return the exit code."""
    data, life = Path(settings.get("GF_PATHS_DATA") or "/var/lib/grafana"), Life.begin()
    log("settings", "warn", "opsbook lab stand-in, not the real grafana")
    log("settings", "info", "Starting Grafana", {"version": version, "branch": "HEAD"})
    try:
        start(data, settings, version)
    except (OSError, ValueError, sqlite3.Error) as error:
        life.fail(str(error))
    life.over.wait()
    for reason in life.failures:
        log("server", "error", "Server failed", {"error": reason})
    if not life.failures:
        log("server", "info", "Shutdown started", {"reason": "System signal: terminated"})
    return 1 if life.failures else 0


def start(data: Path, settings: Mapping[str, str], version: str) -> None:
    """Open the database and the port. Raise OSError, ValueError or sqlite3.Error where one of them cannot be."""
    switch = Switch(data)
    if switch.gone():
        raise OSError("the lab wants it gone")
    users = Users(data / "grafana.db", attempts(settings))
    log("sqlstore", "info", "Connecting to DB", {"dbtype": "sqlite3"})
    login = settings.get("GF_SECURITY_ADMIN_USER") or "admin"
    if users.seed(login, settings.get("GF_SECURITY_ADMIN_PASSWORD") or "admin"):
        log("sqlstore", "info", "Created default admin", {"user": login})
        log("sqlstore", "info", "Created default organization")
    address = f"{settings.get('GF_SERVER_HTTP_ADDR', '')}:{settings.get('GF_SERVER_HTTP_PORT') or '3000'}"
    routes = {"/metrics": metrics_route(started("grafana", version)), **Door(users, switch, version).routes()}
    Server(address, {path: Kept(switch, route).answer for path, route in routes.items()})
    log("http.server", "info", "HTTP Server Listen", {"address": address, "protocol": "http", "subUrl": "", "socket": ""})


def attempts(settings: Mapping[str, str]) -> int:
    """Return how many wrong logins are too many; 0: none is."""
    if settings.get("GF_SECURITY_DISABLE_BRUTE_FORCE_LOGIN_PROTECTION", "false") == "true":
        return 0
    return int(settings.get("GF_SECURITY_BRUTE_FORCE_LOGIN_PROTECTION_MAX_ATTEMPTS") or 5)


@dataclass(frozen=True)
class Kept:
    """A route with what goes for every request."""

    switch: Switch
    route: Route

    def answer(self, request: Ask) -> Answer:
        """Answer, and write a line for each request but those that went well, as Grafana does."""
        begun = time.monotonic()
        try:
            answer = self.route(request)
        except sqlite3.Error as error:
            log("context", "error", "Internal server error", {"error": error})
            answer = message("Internal server error", 500)
        if self.switch.gone():
            log("server", "error", "stand-in: gone, as the lab wants it")
            os._exit(1)
        if not answer.ok:
            note(request, answer, time.monotonic() - begun)
        return answer


def note(request: Ask, answer: Answer, took: float) -> None:
    """Write the line of a request."""
    level = "error" if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "info"
    where = {"method": request.method, "path": request.path, "status": answer.status}
    log("context", level, "Request Completed", {**where, "time_ms": f"{took * 1000:.0f}", "size": len(answer.body)})
