from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_talk import LocalHost
from tests.watch.client import Clients


@pytest.fixture
def host(tmp_path: Path) -> LocalHost:
    (tmp_path / "home").mkdir()
    return LocalHost(tmp_path)


@pytest.fixture
def clients(host: LocalHost) -> Iterator[Clients]:
    started = Clients(host)
    yield started
    started.end()
