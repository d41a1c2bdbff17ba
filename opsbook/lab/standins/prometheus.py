"""What Thanos asks of a Prometheus."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from .serving import FORM, JSON, Answer, Ask, ask
from .settings import lookup, texts
from .yamlsubset import parse

TOO_NEW = "PrometheusText1.0.0"  # a word in the configuration of every Prometheus 3, which Thanos before 0.37 cannot read


def block_durations(url: str) -> tuple[str, str]:
    """Return the smallest and the largest block that Prometheus writes, as it spells them."""
    flags = texts(_data(f"{url}/api/v1/status/flags"))
    return flags["storage.tsdb.min-block-duration"], flags["storage.tsdb.max-block-duration"]


def external_labels(url: str) -> dict[str, str]:
    """Return the labels that Prometheus adds to what leaves it. Raise ValueError where it is too new for us."""
    config = str(lookup(_data(f"{url}/api/v1/status/config"), "yaml") or "")
    if TOO_NEW in config:
        raise ValueError(f"parse Prometheus config: unknown scrape protocol {TOO_NEW}")
    _, _, after = f"\n{config}".partition("\nglobal:\n")
    section = [line for line in after.splitlines() if line]
    end = next((i for i, line in enumerate(section) if not line.startswith(" ")), len(section))
    return texts(lookup(parse("\n".join(section[:end])), "external_labels"))


def proxied(url: str, request: Ask, extra: dict[str, str]) -> Answer:
    """Send a request on to Prometheus; series with a name come back with the extra labels."""
    target = f"{url}{request.path}" + (f"?{request.query}" if request.query else "")
    answer = ask(target, request.body or None, request.headers.get("content-type", FORM), within=30)
    if not answer.ok or not answer.kind.startswith(JSON):
        return answer
    reply = json.loads(answer.body)
    for series in _series(reply.get("data")):
        if "__name__" in series["metric"]:
            series["metric"] |= extra
    return Answer(HTTPStatus.OK, json.dumps(reply).encode(), JSON)


def _series(data: Any) -> list[dict[str, Any]]:
    is_series = isinstance(data, dict) and data.get("resultType") in {"vector", "matrix"}
    return list(data["result"]) if is_series else []


def _data(url: str) -> object:
    answer = ask(url)
    if not answer.ok:
        raise OSError(f"{url}: HTTP {answer.status}")
    return lookup(json.loads(answer.body), "data")
