from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from opsbook.check import Seen, look_once
from opsbook.errors import CommandFailed, NothingToUndo, Refused
from opsbook.events import Event
from opsbook.host import Host, Result, Run
from opsbook.inventory import Cadvisor
from opsbook.runbook import NoParams
from tests.dialled import SILENT
from tests.fake import FakeGuard, a_run
from tests.runbooks.checkout_site import book
from tests.runbooks.servers.docker_host import NEWER, DockerHost, container, server

BOOK = book("install-cadvisor")
P = NoParams()
ALL = (*BOOK.proof, *BOOK.from_outside)
LISTENS = "tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:*"


@dataclass
class Site:
    """The runbook on such a host."""

    here: DockerHost = field(default_factory=DockerHost)
    run: Run = field(default_factory=a_run)
    spec: Cadvisor = field(default_factory=Cadvisor)
    guard: FakeGuard = field(default_factory=FakeGuard)
    events: list[Event] = field(default_factory=list)

    @property
    def host(self) -> Host:
        made = server(self.here, self.guard, self.run, self.spec)
        made.tell = self.events.append
        return made

    def steps(self) -> Site:
        for step in BOOK.steps:
            step(self.host, P)
        return self

    def undo(self) -> Site:
        for step in BOOK.undo:
            step(self.host, P)
        return self

    def false(self, *, undone: bool = False) -> dict[str, Seen]:
        seen = {check.__name__: look_once(self.host, check, P) for check in (BOOK.undone if undone else ALL)}
        return {name: one for name, one in seen.items() if not one.ok}

    @property
    def changes(self) -> list[str]:
        return [change.title for change in self.guard.writes]

    @property
    def said(self) -> str:
        return "\n".join(event.title for event in self.events)


def old(published_at: str = "127.0.0.1", **more: Any) -> DockerHost:
    """Return a host with a cAdvisor that somebody started by hand."""
    here, ports = DockerHost(listening=LISTENS), {"8080/tcp": [{"HostIp": published_at, "HostPort": "8080"}]}
    here.containers["cadvisor"] = container("cadvisor", "gcr.io/cadvisor/cadvisor:latest", ports=ports, **more)
    return here


def test_on_a_new_host_it_is_made_started_and_proven() -> None:
    made = Site().steps()
    assert made.changes == ["make a container of ghcr.io/google/cadvisor:v0.60.5", "start cadvisor"]
    assert made.false() == {}
    assert set(made.here.containers) == {"web", "cadvisor"}


def test_a_second_run_changes_nothing() -> None:
    here = Site().steps().here
    again = Site(here).steps()
    assert (again.changes, again.false()) == ([], {})
    assert "already so: The container runs, made from the image and the arguments that are meant" in again.said


def test_a_run_goes_on_only_with_the_image_and_the_port_that_it_began_with() -> None:
    made = Site().steps()
    for spec in (Cadvisor(NEWER), Cadvisor(port=8081)):
        made.spec = spec
        with pytest.raises(Refused, match="the inventory was changed since this run began") as refused:
            made.steps()
        assert "opsbook undo RUN serverB" in refused.value.next


def test_an_image_that_is_missing_is_pulled_first() -> None:
    made = Site(DockerHost(images=set())).steps()
    assert made.changes[0] == "pull ghcr.io/google/cadvisor:v0.60.5"


def test_another_image_takes_its_place_and_the_one_before_is_kept_stopped() -> None:
    here = Site().steps().here
    made = Site(here, run=a_run(), spec=Cadvisor(NEWER))
    made.run.id = "another"
    made.steps()
    assert made.changes[0] == f"pull {NEWER}"
    assert "start cadvisor in the place of the one of ghcr.io/google/cadvisor:v0.60.5" in made.changes
    assert (here.status("cadvisor"), here.status("cadvisor-before")) == ("running", "exited")
    assert made.false() == {}


def test_only_one_earlier_container_is_kept() -> None:
    here = old()
    for number, image in enumerate(("v0.60.5", "v0.61.0", "v0.62.0")):
        made = Site(here, spec=Cadvisor(f"ghcr.io/google/cadvisor:{image}"))
        made.run.id = f"run-{number}"
        made.steps()
    assert set(here.containers) == {"web", "cadvisor", "cadvisor-before"}
    assert here.containers["cadvisor-before"]["Config"]["Image"] == NEWER


def test_one_that_was_only_stopped_is_started_and_not_made_anew() -> None:
    here = Site().steps().here
    here.containers["cadvisor"]["State"]["Status"] = "exited"
    made = Site(here).steps()
    assert (made.changes, made.false()) == (["start cadvisor"], {})
    made.undo()
    assert (here.status("cadvisor"), made.false(undone=True)) == ("exited", {})


def test_another_port_or_data_folder_makes_it_differ_and_the_same_does_not() -> None:
    here = Site().steps().here
    assert "runs_as_meant" in Site(here, spec=Cadvisor(port=8081)).false()
    assert "runs_as_meant" not in Site(here).false()


def test_a_plan_shows_everything_and_changes_nothing() -> None:
    made = Site(old(), run=a_run(plan=True)).steps()
    assert made.changes == []
    assert "start cadvisor in the place of the one of gcr.io/cadvisor/cadvisor:latest" in made.said
    assert made.here.containers["cadvisor"]["Config"]["Image"] == "gcr.io/cadvisor/cadvisor:latest"


def test_a_run_that_was_killed_after_it_made_the_container_goes_on_with_that_one() -> None:
    made = Site(DockerHost(starts=False))
    with pytest.raises(CommandFailed):
        made.steps()
    made.here.starts = True
    made.steps()
    assert made.here.made == 1
    assert made.false() == {}


def test_what_another_run_left_half_made_is_removed() -> None:
    here = DockerHost()
    here.containers["cadvisor-next"] = container("cadvisor-next", status="created", labels={"opsbook.run": "another"})
    assert "remove cadvisor-next" in Site(here).steps().changes


def taken_by_nginx(here: DockerHost) -> None:
    here.listening, here.publishers = LISTENS, ""
    here.told = f'{LISTENS} users:(("nginx",pid=4711,fd=6))\n'


@pytest.mark.parametrize(("break_", "spec", "says"), [
    (lambda here: None, Cadvisor("ghcr.io/google/cadvisor:latest"), "is not pinned"),
    (lambda here: None, Cadvisor("cadvisor:latest"), "is not pinned"),
    (lambda here: setattr(here, "version", "29.0.1"), Cadvisor("ghcr.io/google/cadvisor:v0.56.1"), "takes 0.56.2 or newer"),
    (lambda here: setattr(here, "version", "29.0.1"), Cadvisor("ghcr.io/google/cadvisor:main"), "takes 0.56.2 or newer"),
    (lambda here: setattr(here, "target", False), Cadvisor(), "serverF does not scrape 192.0.2.20:8080"),
    (lambda here: setattr(here, "from_scraper", Result(124)), Cadvisor(), "opsbook open-scrape-ports serverB"),
    (lambda here: setattr(here, "from_stranger", Result(0)), Cadvisor(), "no firewall keeps strangers out"),
    (lambda here: setattr(here, "from_stranger", Result(1, "", "x: Connection refused")), Cadvisor(), "opsbook open-scrape-ports serverB"),
    (lambda here: setattr(here, "sshd", SILENT), Cadvisor(), "nobody can tell whether strangers are kept out"),
    (lambda here: setattr(here, "listening", LISTENS), Cadvisor(), "port 8080 is taken"),
    (taken_by_nginx, Cadvisor(), "nginx (process 4711) listens there"),
    (taken_by_nginx, Cadvisor(), "next: systemctl disable --now nginx.service (as root, on the host), or cadvisor: {port"),
])  # fmt: skip
def test_a_look_refuses_before_anything_is_changed(break_: Callable[[DockerHost], None], spec: Cadvisor, says: str) -> None:
    made = Site(spec=spec)
    break_(made.here)
    with pytest.raises(Refused) as refused:
        made.steps()
    assert (says in str(refused.value), made.changes) == (True, []), refused.value


def test_a_container_of_compose_is_not_ours_to_replace() -> None:
    made = Site(old(labels={"com.docker.compose.project": "monitoring"}))
    with pytest.raises(Refused, match="of the Compose project monitoring"):
        made.steps()


def test_an_old_one_that_docker_publishes_to_all_is_replaced_though_strangers_reach_it() -> None:
    here = old(published_at="0.0.0.0")
    here.from_stranger = Result(0)
    made = Site(here).steps()
    assert "note: Docker publishes port 8080 of cadvisor around the firewall" in made.said
    assert list(made.false()) == ["strangers_hear_nothing"]


@pytest.mark.parametrize(("break_", "red"), [
    (lambda here: setattr(here, "healthy", 503), "is_healthy"),
    (lambda here: setattr(here, "blind", True), "names_the_containers"),
    (lambda here: setattr(here, "from_stranger", Result(0)), "strangers_hear_nothing"),
    (lambda here: setattr(here, "sshd", SILENT), "strangers_hear_nothing"),
    (lambda here: setattr(here, "scrapes", False), "is_scraped"),
    (lambda here: setattr(here, "of_another", True), "scraper_has_this_very_container"),
    (lambda here: here.containers["cadvisor"]["Config"]["Labels"].clear(), "runs_as_meant"),
    (lambda here: setattr(here, "loops", True), "runs_steadily"),
    (lambda here: here.containers["cadvisor"]["State"].update(Status="exited"), "runs_as_meant"),
])  # fmt: skip
def test_each_proof_is_red_when_its_effect_is_missing(break_: Callable[[DockerHost], None], red: str) -> None:
    made = Site().steps()
    break_(made.here)
    assert red in made.false()


def test_an_undo_puts_the_one_from_before_back_as_it_ran() -> None:
    made = Site(old()).steps().undo()
    assert (made.here.status("cadvisor"), made.here.status("cadvisor-before")) == ("running", "gone")
    assert made.here.containers["cadvisor"]["Config"]["Image"] == "gcr.io/cadvisor/cadvisor:latest"
    assert made.false(undone=True) == {}


def test_an_undo_of_a_first_install_removes_it_and_a_second_undo_changes_nothing() -> None:
    made = Site().steps().undo()
    assert set(made.here.containers) == {"web"}
    assert made.false(undone=True) == {}
    before = len(made.changes)
    assert len(made.undo().changes) == before


def test_an_undo_after_a_failed_start_leaves_nothing_behind() -> None:
    made = Site(DockerHost(starts=False))
    with pytest.raises(CommandFailed):
        made.steps()
    made.undo()
    assert set(made.here.containers) == {"web"}
    assert made.false(undone=True) == {}


def test_an_undo_is_refused_where_somebody_has_replaced_it_since() -> None:
    made = Site().steps()
    made.here.containers["cadvisor"] = container("cadvisor", "theirs:1")
    with pytest.raises(Refused, match="replaced since by somebody else"):
        made.undo()


def test_an_undo_is_refused_where_the_one_from_before_is_gone() -> None:
    made = Site(old()).steps()
    del made.here.containers["cadvisor-before"]
    with pytest.raises(Refused, match="the container from before was removed"):
        made.undo()


def test_a_run_that_remembered_nothing_has_nothing_to_undo() -> None:
    with pytest.raises(NothingToUndo):
        Site().undo()


def test_the_old_one_is_not_as_before_while_it_does_not_answer() -> None:
    made = Site(old()).steps().undo()
    made.here.healthy = 503
    assert list(made.false(undone=True)) == ["is_as_before"]
