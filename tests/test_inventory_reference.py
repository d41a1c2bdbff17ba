from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "inventory_reference.py"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.*?) ?\| (.*?) ?\|$", re.MULTILINE)


@pytest.fixture(scope="module")
def reference() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def test_the_page_is_what_the_script_writes(reference: SimpleNamespace) -> None:
    assert (ROOT / "docs" / "inventory.md").read_text() == reference.page(), "run scripts/inventory_reference.py"


def test_every_key_has_a_sentence_or_a_default_of_its_own(reference: SimpleNamespace) -> None:
    rows = ROW.findall(reference.page())
    assert len(rows) > 40
    assert [key for key, value, _, told in rows if not value or not told] == []


def test_every_key_of_the_sites_own_inventory_is_on_the_page(reference: SimpleNamespace) -> None:
    known = {key for key, *_ in ROW.findall(reference.page())}
    used = set(keys(yaml.safe_load((ROOT / "inventory.yaml").read_text())))
    assert used - known == set()


def keys(whole: dict[str, dict[str, dict[str, object]]]) -> Iterator[str]:
    yield from whole
    yield from whole["defaults"]
    for name in ("hosts", "stacks"):
        for one in whole[name].values():
            yield from one
    for stack in whole["stacks"].values():
        for service in stack["services"].values():  # type: ignore[attr-defined]
            yield from service
