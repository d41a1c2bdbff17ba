from __future__ import annotations

import pytest

from opsbook.errors import Refused
from opsbook.moves.meaning import expect_same
from tests.fake import FakeTransport, fake_host


def test_a_run_that_goes_on_with_the_same_values_goes_on() -> None:
    host = fake_host(FakeTransport())
    expect_same(host, "allow 9100 192.0.2.16")
    expect_same(host, "allow 9100 192.0.2.16")


def test_a_run_that_goes_on_with_other_values_is_refused_and_its_undo_named() -> None:
    host = fake_host(FakeTransport())
    host.run.kept["meant"] = "allow 9100 192.0.2.16"
    with pytest.raises(Refused) as refused:
        expect_same(host, "allow 9100 192.0.2.17")
    assert refused.value.saw == "then: allow 9100 192.0.2.16\nnow:  allow 9100 192.0.2.17"
    assert refused.value.next.startswith("opsbook undo RUN ")
    assert host.run.kept == {"meant": "allow 9100 192.0.2.16"}
