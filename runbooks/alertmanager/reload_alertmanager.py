"""Hot-reload Alertmanager's configuration.

When   a file under alertmanager/ changed in the config repo. It does not mend e-mail that is not delivered.
Risk   mild: Alertmanager keeps its whole old configuration until the new one is accepted.
Undo   opsbook undo RUN goes back to the old commit and reloads; or revert the commit and run this again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, all_of, expect, so, within
from opsbook.counted import counted
from opsbook.host import Host
from opsbook.moves import alerting, incoming, reloading
from opsbook.moves.alerting import OnDisk, on_disk, parse_labels
from opsbook.moves.mounts import Place, container_of, in_place
from opsbook.moves.patience import settle
from opsbook.systems import docker
from opsbook.systems.alertmanager import CONFIG_HASH, RELOADED, RELOADED_AT, Alertmanager, check_config, config_hash
from opsbook.systems.container import Container
from opsbook.systems.metrics import metric

ON = "alertmanager"
ALERTMANAGER = Alertmanager(ON)


@dataclass(frozen=True)
class Params:
    """What of it to run, and which alerts to follow."""

    ref: Annotated[str | None, "branch, tag or commit to run; the checkout's upstream when not given"] = None
    as_is: Annotated[bool, "fetch nothing: load what is on disk (git server down, file mended by hand)"] = False
    restart: Annotated[bool, "restart Alertmanager where a reload would not see a replaced file"] = False
    route: Annotated[tuple[str, ...], "show where an alert with these labels goes: severity=critical,team=x"] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, and labels that are none."""
        if self.as_is and self.ref:
            raise ValueError("--as-is loads what is on disk, so it goes without --ref")
        for labels in self.route:
            parse_labels(labels)


def look(host: Host, p: Params) -> None:
    """Confirm that Alertmanager is ready."""
    container_of(host, ON)
    expect(host, within(settle, is_ready), p)


def vet(host: Host, p: Params) -> None:
    """Fetch what comes, show it, and let amtool judge it before it is used."""
    container = container_of(host, ON)
    if p.as_is:
        judge(host, container, p, on_disk(host, container), in_place)
        return
    comes = reloading.fetch(host, container, p)
    now = on_disk(host, container)
    if not comes and has_loaded_what_is_on_disk(host, p).ok:
        show_routes(host, container, p, now, in_place)
        return
    with reloading.coming_tree(host, container) as place:
        new = on_disk(host, container, place)
        reloading.tell_coming(host, container, now.paths, new.paths, p)
        judge(host, container, p, new, place)


def judge(host: Host, container: Container, p: Params, tree: OnDisk, place: Place) -> None:
    """Let amtool judge a tree, and show what changes for whom."""
    incoming.judge(host, container, check_config(tree.config), place)
    running = host.read(ALERTMANAGER.status()).config
    for change in alerting.differing(alerting.receivers(running), alerting.receivers(tree.text)):
        host.say(change)
    show_routes(host, container, p, tree, place)


def show_routes(host: Host, container: Container, p: Params, tree: OnDisk, place: Place) -> None:
    """Show which receivers the operator's alerts reach now and after the reload."""
    running = host.read(ALERTMANAGER.status()).config if p.route else ""
    for labels in p.route:
        now = host.read(alerting.routed_now(container, parse_labels(labels), running))
        then = host.read(alerting.routed_then(container, parse_labels(labels), tree.config, place))
        host.say(f"an alert with {labels} goes to {now}" + (f"; after the reload to {then}" if then != now else ", before and after"))


def pull(host: Host, p: Params) -> None:
    """Fast-forward the checkout to the commit that was judged."""
    reloading.forward(host, p)


def reload(host: Host, p: Params) -> None:
    """Let Alertmanager read its configuration again."""
    if not so(host, has_loaded_what_is_on_disk, p):
        container = container_of(host, ON)
        reloading.apply(host, container, on_disk(host, container).paths, p, ALERTMANAGER.reload)


def is_ready(host: Host, p: Params) -> Seen:
    """Alertmanager is ready to take alerts."""
    ready = host.read(ALERTMANAGER.ready())
    return Seen(ready, saw="/-/ready says so" if ready else "/-/ready says no", next=f"opsbook logs {ON} {host.name}")


def has_the_files_on_disk(host: Host, p: Params) -> Seen:
    """The container sees the files that are on the host's disk."""
    container = container_of(host, ON)
    return reloading.has_same_files(host, container, on_disk(host, container).paths, p)


def has_reloaded(host: Host, p: Params) -> Seen:
    """The last reload succeeded, after the last change of the files and after this run's order."""
    container = container_of(host, ON)
    paths = on_disk(host, container).paths
    return reloading.has_reloaded(host, container, paths, host.read(ALERTMANAGER.metrics()), (RELOADED, RELOADED_AT))


def runs_the_file_on_disk(host: Host, p: Params) -> Seen:
    """Alertmanager runs the very file that is on disk, by its hash."""
    have = metric(host.read(ALERTMANAGER.metrics()), CONFIG_HASH)
    want = config_hash(on_disk(host, container_of(host, ON)).text)
    saw = f"hash {want:.0f}" if have == want else f"it runs one with the hash {have or 0:.0f}, the file has {want:.0f}"
    return Seen(have == want, saw=saw, next=f"opsbook logs {ON} {host.name}")


def sends_where_the_file_says(host: Host, p: Params) -> Seen:
    """Alertmanager reports the routes and receivers of the file; what it hides as secret is not compared."""
    container = container_of(host, ON)
    disk, running = on_disk(host, container), host.read(ALERTMANAGER.status()).config
    want, have = host.read(alerting.tree_on_disk(container, disk.config)), host.read(alerting.running_tree(container, running))
    odd = list(alerting.differing(alerting.receivers(running), alerting.receivers(disk.text)))
    if want != have:
        odd.append(f"it reports the routes\n{have}\nand the file has\n{want}")
    receivers = counted(len(alerting.receivers(running)), "receiver")
    saw = "\n".join(odd) or f"the same routes, and {receivers} with the same integrations"
    return Seen(bool(want) and not odd, saw=saw, next=f"opsbook logs {ON} {host.name}")


def has_loaded_what_is_on_disk(host: Host, p: Params) -> Seen:
    """Alertmanager has loaded what is on disk."""
    return all_of(host, p, has_the_files_on_disk, has_reloaded, runs_the_file_on_disk)


def return_to_the_old_commit(host: Host, p: Params) -> None:
    """Move the checkout back to the commit that it was at."""
    reloading.go_back(host, p)


def what_alertmanager_logged(host: Host, p: Params) -> str:
    """The last lines of Alertmanager's log."""
    return host.read(docker.last_lines(container_of(host, ON).id, 40))


STEPS = (look, vet, pull, reload)
PROOF = (
    within(settle, is_ready),
    has_the_files_on_disk,
    within(settle, has_reloaded),
    runs_the_file_on_disk,
    sends_where_the_file_says,
)
UNDO, UNDONE, UNDOABLE = (return_to_the_old_commit, reload), PROOF, reloading.may_be_taken_back
EVIDENCE = (what_alertmanager_logged,)
