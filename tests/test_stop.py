from __future__ import annotations

import signal
import threading

import pytest

from opsbook.errors import Interrupted
from opsbook.stop import Stop


def heard(stop: Stop) -> None:
    with stop.listening():
        signal.raise_signal(signal.SIGTERM)


def test_what_waits_for_the_host_is_ended_by_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    stop, ended = Stop(), threading.Event()
    stop.when_asked(ended.set)
    assert not ended.is_set()
    heard(stop)
    assert ended.wait(5)


def test_what_begins_to_wait_after_the_signal_is_ended_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    stop, ended = Stop(), threading.Event()
    heard(stop)
    stop.when_asked(ended.set)
    assert ended.is_set()


def test_a_signal_is_an_interruption_at_the_next_look(capsys: pytest.CaptureFixture[str]) -> None:
    stop = Stop()
    stop.check()
    heard(stop)
    with pytest.raises(Interrupted):
        stop.check()
