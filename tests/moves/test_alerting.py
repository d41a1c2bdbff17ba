from __future__ import annotations

import pytest

from opsbook.moves.alerting import differing, parse_labels, receivers

CONFIG = """
receivers:
- name: pager
  webhook_configs: [{url: <secret>}]
  email_configs: [{to: a}, {to: b}]
- name: nobody
"""


def test_receivers_are_compared_by_their_integrations_and_never_by_secrets() -> None:
    assert receivers(CONFIG) == {"pager": {"webhook_configs": 1, "email_configs": 2}, "nobody": {}}
    assert receivers(CONFIG) == receivers(CONFIG.replace("<secret>", "http://sink/token"))


def test_what_differs_between_receivers_is_said_in_words() -> None:
    old, new = receivers(CONFIG), receivers(CONFIG.replace("- name: nobody", "- name: new").replace(", {to: b}", ""))
    assert differing(old, new) == (
        "receiver new: none → notifies nobody",
        "receiver nobody: notifies nobody → none",
        "receiver pager: 2 × email, 1 × webhook → 1 × email, 1 × webhook",
    )
    assert differing(old, old) == ()


def test_a_configuration_without_receivers_has_none() -> None:
    assert receivers("") == {}


def test_labels_are_pairs_separated_by_commas() -> None:
    assert parse_labels("severity=critical, team = x=y") == {"severity": "critical", "team": "x=y"}
    with pytest.raises(ValueError, match="not severity"):
        parse_labels("severity")
