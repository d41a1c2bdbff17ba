"""The stand-ins' own reader of YAML, held against the real one."""

from __future__ import annotations

import pytest
import yaml

from opsbook.lab.p24 import REPO
from opsbook.lab.standins.yamlflow import YamlError
from opsbook.lab.standins.yamlsubset import parse

MONITORING = REPO / "monitoring"
READ_BY_STANDINS = ["loki/loki-config.yml", "promtail/config-vps-i1.yml", "thanos/s3.yml.template", "prometheus/prometheus.yml"]


@pytest.mark.parametrize("name", READ_BY_STANDINS)
def test_the_stacks_files_read_as_in_the_real_yaml(name: str) -> None:
    text = (MONITORING / name).read_text()
    assert parse(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        "a: 1\nb: 1.5\nc: true\nd: null\ne: ~\nf: text with spaces\n",
        "a:\n- 1\n- b: 2\n  c: 3\n- - x\n  - y\nd: e\n",
        "a: 'it''s'\nb: \"q\\\"n\\n\"\nc: don't # stop\nd: x#y\n",
        "url: http://host:80/path # why\nempty:\nlast: {a: [1, 'b,c', {d: http://e:1/f}], g: }\n",
        "{type: FILESYSTEM, config: {directory: /out}}",
        "- a\n-\n  b: c\n-\n- d\n",
        "'quoted key': 1\n\"other: key\": 2\n__path__: /var/*/*.log\n",
        "a:\n  b:\n    c: 1\n  d: 2\ne: 3\n",
    ],
)
def test_a_text_reads_as_in_the_real_yaml(text: str) -> None:
    assert parse(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    ["a:\n\tb: 1\n", "a: [1, 2\n", "a: {b: c\n", "a: [1] 2\n", "a: 1\n   b: 2\n", "a: |\n  b\n", "a: &x 1\n", "a: 1\njust words\n"],
)
def test_a_text_that_is_broken_or_beyond_us_is_an_error_that_names_its_line(text: str) -> None:
    with pytest.raises(YamlError, match=r"yaml: line \d+: "):
        parse(text)
