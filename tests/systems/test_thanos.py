from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.thanos import Store, parse_stores
from tests.systems.captured import captured


def test_the_sources_of_the_query_component_are_told_by_kind() -> None:
    assert parse_stores(captured("thanos_stores.json")) == (Store("sidecar", "thanos-sidecar:10901"),)


def test_a_source_that_does_not_answer_tells_why() -> None:
    answer = '{"data": {"store": [{"name": "s:1", "lastError": "connection refused"}], "rule": null}}'
    assert parse_stores(Result(200, answer)) == (Store("store", "s:1", "connection refused"),)


def test_no_source_at_all_is_nothing() -> None:
    assert parse_stores(Result(200, '{"status":"success","data":{}}')) == parse_stores(Result(200, '{"data":null}')) == ()
