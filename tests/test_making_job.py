from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opsbook.cli.making_job import shown_params
from opsbook.shell import Secret


@dataclass(frozen=True)
class Params:
    name: str
    password: Secret
    sizes: tuple[str, ...] = ()
    where: Path | None = None


def test_the_parameters_on_record_are_json_and_hide_every_secret() -> None:
    shown = shown_params(Params("x", Secret("hunter2222"), ("a", "b"), Path("/tmp")))
    assert shown == {"name": "x", "password": "***", "sizes": ["a", "b"], "where": "/tmp"}
