"""Each stand-in is one file."""

from __future__ import annotations

import pytest

from opsbook.lab.standins import program


@pytest.mark.parametrize("name", ["loki", "promtail", "thanos", "cadvisor", "grafana"])
def test_the_same_source_packs_into_the_same_bytes(name: str) -> None:
    assert program(name) == program(name)
    assert program(name).startswith(b"#!/usr/bin/python3 -IS\n")


def test_a_program_that_has_no_stand_in_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no stand-in is called tempo: there are loki, promtail, thanos, cadvisor, grafana"):
        program("tempo")
