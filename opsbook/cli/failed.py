"""The hosts that failed in an earlier run, for `--failed-of RUN`."""

from __future__ import annotations

from opsbook.errors import UsageError
from opsbook.journal import Journal


def failed_in(journal: Journal, run: str) -> tuple[str, ...]:
    """Return the hosts of the run that did not end with 0, in their order; raise UsageError when there is none."""
    row = journal.run(run)
    if row is None:
        raise UsageError(f"the journal has no run {run}", next="opsbook history")
    well = {event.host for event in journal.events(row.id) if event.kind == "end" and event.detail.get("code") == 0}
    failed = tuple(host for host in row.hosts if host not in well)      # one without an end was cut off: it failed
    if not failed:
        raise UsageError(f"no host failed in run {row.id}", next=f"opsbook history show {row.id}")
    return failed
