"""The hosts of a run, side by side and batch after batch."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from opsbook.counted import counted
from opsbook.errors import UsageError
from opsbook.inventory import HostEntry
from opsbook.runner.job import Job
from opsbook.runner.one_host import HostRun
from opsbook.runner.outcome import BUG, DONE, REFUSED, Ended


def run_all(job: Job, entries: list[HostEntry]) -> list[Ended]:
    """Run the job on every host; return how each ended, in the order given. The caller is the main thread."""
    if not entries:
        raise UsageError("no host is selected", next="opsbook hosts")
    limit = amount(job.options.max_fail, len(entries)) if job.options.max_fail else None
    ended: list[Ended] = []
    for batch in batches(entries, job.options.batch):
        failed = sum(one.code != DONE for one in ended)
        if limit is not None and failed > limit:
            ended += [Ended(entry.name, REFUSED, f"not started: {counted(failed, 'host')} had failed before") for entry in batch]
            continue
        ended += _run_batch(job, batch)
    return ended


def batches(entries: list[HostEntry], size: str | None) -> Iterator[list[HostEntry]]:
    """Given `N` or `N%` of the hosts, yield them in batches of that size; all at once when not given."""
    step = max(1, amount(size, len(entries))) if size else len(entries)
    for start in range(0, len(entries), step):
        yield entries[start : start + step]


def amount(text: str, of: int) -> int:
    """Given `N` or `N%`, return the number of hosts; raise UsageError for anything else."""
    number = text.removesuffix("%")
    if not number.isdecimal():
        raise UsageError(f'expected a number or a percentage of hosts, got "{text}"')
    return math.ceil(int(number) * of / 100) if text.endswith("%") else int(number)


def _run_batch(job: Job, batch: list[HostEntry]) -> list[Ended]:
    workers = min(job.options.jobs, len(batch))
    job.gate.expect(len(batch), at_once=workers)
    with ThreadPoolExecutor(workers, thread_name_prefix="host") as pool:
        futures: list[Future[Ended]] = [pool.submit(HostRun(job, entry)) for entry in batch]
        threading.Thread(target=_end_of_batch, args=(job, futures), name="end-of-batch", daemon=True).start()
        job.main.serve()
    return [_end_of(future, entry) for future, entry in zip(futures, batch, strict=True)]


def _end_of(future: Future[Ended], entry: HostEntry) -> Ended:
    """Return how a host ended; a bug on one does not take the others' results along."""
    bug = future.exception()
    return future.result() if bug is None else Ended(entry.name, BUG, f"a bug of opsbook: {bug}", bug=bug)


def _end_of_batch(job: Job, futures: list[Future[Ended]]) -> None:
    wait(futures)
    job.main.finish()
