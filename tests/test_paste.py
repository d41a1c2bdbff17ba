from __future__ import annotations

from pathlib import Path

import pytest

from opsbook.cli.paste import pasteable


@pytest.mark.parametrize(
    ("hint", "in_the_lab"),
    [
        ("opsbook logs loki vps-i1", "opsbook --lab logs loki vps-i1"),
        ("finish it: opsbook undo X vps-i1; or add --discard", "finish it: opsbook --lab undo X vps-i1; or add --discard"),
        ("opsbook --lab logs loki", "opsbook --lab logs loki"),
        ("opsbook lab mend", "opsbook lab mend"),
        ("ssh vps-i1 sudo -n systemctl start docker.service", "opsbook lab shell vps-i1 sudo -n systemctl start docker.service"),
        ("did you mean loki?", "did you mean loki?"),
    ],
)
def test_a_hint_in_the_lab_stays_in_the_lab(hint: str, in_the_lab: str) -> None:
    assert pasteable(hint, lab=True, inventory=None) == in_the_lab
    assert pasteable(hint, lab=False, inventory=None) == hint


def test_a_hint_keeps_the_inventory_that_was_typed() -> None:
    assert pasteable("opsbook logs loki", lab=False, inventory=Path("my site.yaml")) == "opsbook --inventory 'my site.yaml' logs loki"
