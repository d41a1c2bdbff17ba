"""One run's visit to one host: what its parts share, from the first contact to the last line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from opsbook.errors import OpsbookError
from opsbook.events import Event, Kind
from opsbook.host import Host, Run
from opsbook.inventory import HostEntry
from opsbook.runner.first_record import first_record
from opsbook.runner.guard import WriteGuard
from opsbook.runner.job import Job
from opsbook.runner.outcome import Proved
from opsbook.runner.peers import Peers


@dataclass
class Visit:
    """The host, what guards it, and how far the run has come there."""

    job: Job
    host: Host
    guard: WriteGuard
    peers: Peers
    proofs: list[Proved] = field(default_factory=list)
    proving: bool = False
    outside: bool = False       # all that this host itself can tell is true; what is not true lies elsewhere
    looking: bool = False       # a look of this process has failed: what a killed one had changed is left for a rerun or an undo
    settled: bool = False       # the lock is given back
    notes: list[str] = field(default_factory=list)      # what the last line has to tell besides
    begun: float = field(default_factory=time.monotonic)

    @property
    def run(self) -> Run:
        """Return the run as this host knows it."""
        return self.host.run

    def tell(self, kind: Kind, title: str, /, **detail: object) -> None:
        """Tell screen and journal; the caller has hidden the secrets."""
        self.job.tell(Event(kind, self.host.name, title, detail))

    def explain(self, error: OpsbookError) -> None:
        """Tell what went wrong."""
        mask = self.host.mask
        self.tell("fail", mask(error.what), saw=mask(error.saw), next=mask(error.next), host=error.host)


def arrange(job: Job, entry: HostEntry) -> Visit:
    """Put the pieces together; nothing is contacted yet."""
    run = Run(job.id, job.book.page.name, job.operator, plan=job.options.plan, reads_only=job.book.answer is not None)
    guard = WriteGuard(job.stop, job.gate, lambda: first_record(job, run))
    peers = Peers(job, entry, run, guard)
    host = Host(
        entry,
        job.tools.open_transport(entry),
        run,
        job.tell,
        guard,
        job.mask,
        locate=job.tools.locate,
        connect_peer=peers,
        connect_anew=peers.anew,
        try_door=job.tools.try_door,
        fetch_here=job.tools.fetch_here,
        answer=lambda question: _have_done(job, guard, entry.name, question),
        keep_on_host=guard.keep,
        keep_secrets=guard.keep_secrets,
        hands=job.tools.hands,
        pause=job.stop.pause,
    )
    guard.host = host
    return Visit(job, host, guard, peers)


def _have_done(job: Job, guard: WriteGuard, name: str, question: str) -> None:
    guard.by_hand(question)
    job.main.do(lambda: job.desk.manual(name, question))
