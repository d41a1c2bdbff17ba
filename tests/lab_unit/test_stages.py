"""Promtail's pipeline on lines of Docker's log files."""

from __future__ import annotations

import json

import pytest

from opsbook.lab.standins.stages import Entry, Pipeline

LINE = json.dumps({"log": "hello\n", "stream": "stderr", "time": "2026-11-21T01:02:03.5Z", "attrs": {"tag": "caddy-1"}})
MOMENT = 1795222923_500_000_000


def test_the_docker_stage_takes_stream_time_and_text_out_of_a_line() -> None:
    entry = Pipeline.of([{"docker": {}}]).entry(LINE, {"job": "docker"})
    assert entry == Entry({"job": "docker", "stream": "stderr"}, MOMENT, "hello")


def test_an_expression_may_reach_into_nested_values_and_a_label_may_rename_them() -> None:
    stages = [{"json": {"expressions": {"tag": "attrs.tag", "log": None}}}, {"labels": {"container": "tag"}}, {"output": {"source": "log"}}]
    entry = Pipeline.of(stages).entry(LINE, {})
    assert (entry.labels, entry.line) == ({"container": "caddy-1"}, "hello")


def test_a_line_that_is_no_json_is_sent_as_it_is() -> None:
    entry = Pipeline.of([{"docker": {}}]).entry("plain words", {"job": "docker"})
    assert (entry.labels, entry.line) == ({"job": "docker"}, "plain words")


def test_a_stage_that_the_stand_in_lacks_is_refused_and_not_ignored() -> None:
    with pytest.raises(ValueError, match="no pipeline stage multiline"):
        Pipeline.of([{"multiline": {"firstline": "x"}}])
