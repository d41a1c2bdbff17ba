from __future__ import annotations

import json

from opsbook.systems.loki import Loki, parse_lines, selector
from opsbook.web import Request
from tests.systems.captured import captured


def test_a_test_line_is_sent_with_its_time_in_nanoseconds() -> None:
    request = Loki().push({"job": "opsbook"}, 'a "line"', 1700000000.5).do
    assert isinstance(request, Request)
    assert json.loads(request.body or "") == {"streams": [{"stream": {"job": "opsbook"}, "values": [["1700000000500000000", 'a "line"']]}]}


def test_the_line_that_was_sent_is_found() -> None:
    assert parse_lines(captured("loki_query_range.json")) == ("probe",)


def test_labels_are_quoted_in_a_query() -> None:
    assert selector({"job": "opsbook", "run": 'a"b\\c'}) == r'{job="opsbook",run="a\"b\\c"}'
    asked = Loki().lines({"run": "x"}, 1, 2).ask
    assert isinstance(asked, Request)
    assert dict(asked.query) == {"query": '{run="x"}', "start": "1000000000", "end": "2000000000", "limit": "100"}
