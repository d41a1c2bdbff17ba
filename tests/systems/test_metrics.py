from __future__ import annotations

from opsbook.systems.metrics import samples, selector


def test_a_selector_takes_any_value_as_it_is() -> None:
    assert selector("up", {"job": "node", "instance": "a:9100"}) == 'up{job="node",instance="a:9100"}'
    assert selector("up", {"job": 'a"b\\c\nd'}) == 'up{job="a\\"b\\\\c\\nd"}'


def test_a_selector_is_read_back_as_it_was_meant() -> None:
    labels = {"job": 'a"b\\c\nd', "instance": "[::1]:9100"}
    assert samples(f"{selector('up', labels)} 1", "up")[0].labels == labels
