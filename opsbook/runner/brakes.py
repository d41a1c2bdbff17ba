"""When no further host of a run may start."""

from __future__ import annotations

import math
import threading

from opsbook.errors import Refused, UsageError
from opsbook.options import Options
from opsbook.runner.outcome import DONE, Ended
from opsbook.stop import Stop

ALL = 100       # per cent


class Brakes:
    """Pulled by the operator, by `--max-fail`, and in a run of batches by the first host that was changed and is not well."""

    def __init__(self, stop: Stop, options: Options, hosts: int) -> None:
        self._stop = stop
        self._limit = amount(options.max_fail, hosts) if options.max_fail else None
        self._in_batches = bool(options.batch or options.canary)
        self._failed = 0
        self._pulled = ""
        self._one_at_a_time = threading.Lock()

    def check(self) -> None:
        """Return when a further host may start; raise Interrupted, or Refused with the reason."""
        self._stop.check()
        if self._pulled:
            raise Refused(self._pulled)

    def saw(self, ended: Ended) -> None:
        """Count a host that has ended."""
        if ended.code == DONE:
            return
        with self._one_at_a_time:
            self._failed += 1
            if self._limit is not None and self._failed > self._limit:
                self.pull(f"{self._failed} host{'s' if self._failed > 1 else ''} had failed before")
            elif self._limit is None and self._in_batches and ended.changed:
                self.pull(f"{ended.host} was changed and is not proven")

    def pull(self, why: str) -> None:
        """Let no further host start."""
        self._pulled = self._pulled or why


def amount(text: str, of: int, least: int = 0) -> int:
    """Given `N` or `N%`, return the number of hosts; raise UsageError for anything else, and for less than the least."""
    number = text.removesuffix("%")
    wanted = int(number) if number.isascii() and number.isdecimal() else -1
    if wanted < least or (text.endswith("%") and wanted > ALL):
        raise UsageError(f'expected a number of hosts from {least} on, or from {least}% to {ALL}%; got "{text}"')
    return math.ceil(wanted * of / ALL) if text.endswith("%") else wanted
