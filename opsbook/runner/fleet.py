"""The hosts of a run: all look, one question, then batch after batch, side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from opsbook.counted import counted
from opsbook.desk import Asking, Staying
from opsbook.errors import OpsbookError, UsageError
from opsbook.events import Event, Kind
from opsbook.inventory import HostEntry
from opsbook.runner.brakes import Brakes, amount
from opsbook.runner.gate import Parked
from opsbook.runner.job import Job
from opsbook.runner.one_host import HostRun
from opsbook.runner.outcome import BUG, DONE, Ended

Looked = Ended | Asking     # a host that needs no change has ended when it has looked


def run_all(job: Job, entries: list[HostEntry]) -> list[Ended]:
    """Run the job on every host; return how each ended, in the order given. The caller is the main thread."""
    if not entries:
        raise UsageError("no host is selected", next="opsbook hosts")
    return Fleet(job, entries).run()


class Fleet:
    """One run on its hosts, at most `--jobs` of them at the same time; none is connected to before its turn or after it."""

    def __init__(self, job: Job, entries: list[HostEntry]) -> None:
        self._job, self._entries = job, entries
        self._size = amount(job.options.batch, len(entries), least=1) if job.options.batch else len(entries)
        self._brakes = Brakes(job.stop, job.options, len(entries))
        self._ended: dict[str, Ended] = {}

    def run(self) -> list[Ended]:
        """Return how each host ended."""
        going = self._all_look() if self._looks_first() else self._entries
        canary = self._job.options.canary and len(going) > 1
        for batch in batches(going, self._size, canary=canary):
            self._side_by_side(batch)
            if canary and batch == going[:1]:
                self._judge_canary(self._ended[batch[0].name])
            elif self._job.options.batch and len(batch) < len(going):
                self._told_batch(batch, going)
        return [self._ended[entry.name] for entry in self._entries]

    def _looks_first(self) -> bool:
        job, names = self._job, tuple(entry.name for entry in self._entries)
        if len(names) == 1 or job.book.answer is not None or job.options.plan or job.options.step:
            return False
        return job.options.canary or not job.desk.agreed(names, job.book.page.risk)

    def _all_look(self) -> list[HostEntry]:
        """Let every host look as far as its first write, then ask about those that came to one; return them if they may go on."""
        self._tell("say", "", f"looking at {len(self._entries)} hosts before anything is changed")
        with self._job.gate.looking():
            found = self._side_by_side(self._entries)
        going = [entry for entry, one in zip(self._entries, found, strict=True) if isinstance(one, Asking)]
        try:
            if going:
                self._ask(found)
        except OpsbookError as no:
            for entry in going:
                self._leave_alone(entry, no)
            return []
        return going

    def _ask(self, found: list[Looked]) -> None:
        self._brakes.check()
        askings = tuple(one for one in found if isinstance(one, Asking))
        self._job.gate.ask(askings, tuple(_staying(one) for one in found if isinstance(one, Ended)))

    def _side_by_side(self, entries: list[HostEntry]) -> list[Looked]:
        """Return what came of each host; the main thread serves their questions meanwhile."""
        workers = 1 if self._job.options.step else min(self._job.options.jobs, len(entries))
        with ThreadPoolExecutor(workers, thread_name_prefix="host") as pool:
            futures = [pool.submit(self._one, entry) for entry in entries]
            threading.Thread(target=_wait_for_all, args=(futures, self._job.main.finish), name="end-of-batch", daemon=True).start()
            self._job.main.serve()
        return [self._outcome(future, entry) for future, entry in zip(futures, entries, strict=True)]

    def _one(self, entry: HostEntry) -> Looked:
        try:
            self._brakes.check()
        except OpsbookError as no:
            return self._leave_alone(entry, no)
        try:
            return self._keep(HostRun(self._job, entry)())
        except Parked as parked:
            self._tell("ready", entry.name, parked.asking.change)
            return parked.asking

    def _outcome(self, future: Future[Looked], entry: HostEntry) -> Looked:
        """Return what came of a host; a bug on one does not take the others' results along."""
        bug = future.exception()
        return future.result() if bug is None else self._keep(Ended(entry.name, BUG, f"a bug of opsbook: {bug}", bug=bug))

    def _leave_alone(self, entry: HostEntry, why: OpsbookError) -> Ended:
        state = f"not started, nothing was changed: {why.what}"
        self._tell("end", entry.name, state, code=why.exit_code, changed=False, seconds=0.0)
        self._ended[entry.name] = Ended(entry.name, why.exit_code, state, error=why)
        return self._ended[entry.name]

    def _keep(self, ended: Ended) -> Ended:
        self._ended[ended.host] = ended
        self._brakes.saw(ended)
        return ended

    def _judge_canary(self, canary: Ended) -> None:
        if canary.code == DONE:
            self._tell("say", "", f"the canary {canary.host} is proven; now the others")
        else:
            self._brakes.pull(f"the canary {canary.host} is not proven")

    def _told_batch(self, batch: list[HostEntry], going: list[HostEntry]) -> None:
        well = sum(self._ended[entry.name].code == DONE for entry in batch)
        over = sum(entry.name in self._ended for entry in going)
        whole = counted(len(going), "host") if len(going) == len(self._entries) else f"the {counted(len(going), 'host')} that change"
        are = "is" if over == 1 else "are"
        self._tell("say", "", f"batch of {counted(len(batch), 'host')}: {well} proven; {over} of {whole} {are} through")

    def _tell(self, kind: Kind, host: str, title: str, /, **detail: object) -> None:
        self._job.tell(Event(kind, host, title, detail))


def batches(entries: list[HostEntry], size: int, *, canary: bool = False) -> Iterator[list[HostEntry]]:
    """Yield the hosts in batches of that size, the canary before all."""
    if canary:
        yield entries[:1]
    step = max(1, size)
    for start in range(int(canary), len(entries), step):
        yield entries[start : start + step]


def _staying(ended: Ended) -> Staying:
    return Staying(ended.host, ended.error.what if ended.error else ended.state)


def _wait_for_all(futures: list[Future[Looked]], finish: Callable[[], None]) -> None:
    wait(futures)
    finish()
