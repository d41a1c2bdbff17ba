from __future__ import annotations

import pytest

from opsbook.doctor.gather import gather
from opsbook.errors import CommandFailed, ConnectionLost, HostKeyChanged, OpsbookError, Unreachable, UsageError
from opsbook.host import Result
from opsbook.shell import Command
from opsbook.ssh import Ssh
from tests.doctor.hosts import PLAIN
from tests.fake import FakeTransport, fake_host


class Failing(FakeTransport):
    """A host of which every question fails in the same way."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        raise self.error


@pytest.mark.parametrize("error", [ConnectionLost("the line broke"), Unreachable("no way"), HostKeyChanged("another key")])
def test_a_connection_that_is_lost_is_no_reason_of_single_questions(error: OpsbookError) -> None:
    with pytest.raises(type(error)):
        gather(fake_host(Failing(error), entry=PLAIN), Ssh(PLAIN))


@pytest.mark.parametrize(("error", "reason"), [
    (CommandFailed("it failed", saw="so it said"), "so it said"),
    (UsageError(".env has no PASSWORD"), ".env has no PASSWORD"),
    (TimeoutError(), "gave no answer within 30 s"),
])  # fmt: skip
def test_a_question_that_fails_is_left_out_with_its_reason(error: Exception, reason: str) -> None:
    facts = gather(fake_host(Failing(error), entry=PLAIN), Ssh(PLAIN))
    assert reason in facts.why["lock"]
