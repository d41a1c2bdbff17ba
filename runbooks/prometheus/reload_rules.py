"""Hot-reload the alert rules.

When   a file under prometheus/ changed in the config repo.
Risk   mild: Prometheus keeps its old rules until the new ones are accepted.
Undo   opsbook undo RUN goes back to the old commit and reloads; or revert the commit and run this again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from opsbook.check import Seen, all_of, expect, so, within
from opsbook.counted import counted
from opsbook.errors import Refused
from opsbook.host import Host, Write
from opsbook.moves import evaluation, incoming, reloading
from opsbook.moves.mounts import Place, container_of, in_place
from opsbook.moves.patience import settle
from opsbook.moves.rules import OnDisk, gap, on_disk, unlike
from opsbook.systems import docker
from opsbook.systems.container import Container
from opsbook.systems.prometheus import RELOADED, RELOADED_AT, Prometheus, check_config

ON = "prometheus"
PROMETHEUS = Prometheus(ON)


@dataclass(frozen=True)
class Params:
    """What of it to run."""

    ref: Annotated[str | None, "branch, tag or commit to run; the checkout's upstream when not given"] = None
    as_is: Annotated[bool, "fetch nothing: load what is on disk (git server down, rule mended by hand)"] = False
    restart: Annotated[bool, "restart Prometheus where a reload would not see a replaced file"] = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.as_is and self.ref:
            raise ValueError("--as-is loads what is on disk, so it goes without --ref")


def look(host: Host, p: Params) -> None:
    """Confirm that Prometheus is ready, and remember the rules it runs."""
    container_of(host, ON)
    expect(host, within(settle, is_ready), p)
    if "groups" not in host.run.kept:
        known = evaluation.before(host.read(PROMETHEUS.rules()))
        host.keep(**known, alertmanagers=list(host.read(PROMETHEUS.alertmanagers())))


def vet(host: Host, p: Params) -> None:
    """Fetch what comes, show it, and let promtool judge it before it is used."""
    container = container_of(host, ON)
    if p.as_is:
        judge(host, container, on_disk(host, container), in_place)
        return
    if not reloading.fetch(host, container, p) and has_loaded_what_is_on_disk(host, p).ok:
        return
    now = on_disk(host, container)
    with reloading.coming_tree(host, container) as place:
        new = on_disk(host, container, place)
        reloading.tell_coming(host, container, now.paths, new.paths, p)
        judge(host, container, new, place)


def judge(host: Host, container: Container, tree: OnDisk, place: Place) -> None:
    """Let promtool judge a tree, and show how its rules differ from those that run."""
    incoming.judge(host, container, check_config(tree.config), place)
    if silent := tree.without_rules():
        raise Refused("no rule would come from", saw="\n".join(silent), next="mend rule_files, or remove the empty file", host=host.name)
    for change in unlike(host, PROMETHEUS, host.read(PROMETHEUS.rules()), tree.groups):
        host.say(f"rules: {change}")


def pull(host: Host, p: Params) -> None:
    """Fast-forward the checkout to the commit that was judged."""
    reloading.forward(host, p)


def reload(host: Host, p: Params) -> None:
    """Let Prometheus read its rules again."""
    if not so(host, has_loaded_what_is_on_disk, p):
        container = container_of(host, ON)
        reloading.apply(host, container, on_disk(host, container).paths, p, lambda: order(host, container))


def order(host: Host, container: Container) -> Write:
    """Return the order to reload: by HTTP, or by signal where Prometheus was started without that."""
    if host.read(PROMETHEUS.flags()).get("web.enable-lifecycle") == "true":
        return PROMETHEUS.reload()
    host.say("SIGHUP instead of HTTP, because Prometheus runs without --web.enable-lifecycle")
    return docker.hang_up(container)


def is_ready(host: Host, p: Params) -> Seen:
    """Prometheus is ready to serve queries."""
    ready = host.read(PROMETHEUS.ready())
    saw = "/-/ready says so" if ready else "it still reads its write-ahead log"
    return Seen(ready, saw=saw, next=f"opsbook logs {ON} {host.name}")


def has_the_files_on_disk(host: Host, p: Params) -> Seen:
    """The container sees the files that are on the host's disk."""
    container = container_of(host, ON)
    return reloading.has_same_files(host, container, on_disk(host, container).paths, p)


def has_reloaded(host: Host, p: Params) -> Seen:
    """The last reload succeeded, after the last change of the files and after this run's order."""
    container = container_of(host, ON)
    paths = on_disk(host, container).paths
    return reloading.has_reloaded(host, container, paths, host.read(PROMETHEUS.metrics()), (RELOADED, RELOADED_AT))


def runs_the_rules_on_disk(host: Host, p: Params) -> Seen:
    """Prometheus runs the rules that are on disk, in every field."""
    want, have = on_disk(host, container_of(host, ON)), host.read(PROMETHEUS.rules())
    odd = unlike(host, PROMETHEUS, have, want.groups)
    rules = sum(len(group.rules) for group in have)
    saw = "\n".join(map(gap, odd)) or f"{counted(rules, 'rule')} in {counted(len(have), 'group')}"
    return Seen(rules > 0 and not odd, saw=saw, next=f"opsbook logs {ON} {host.name}")


def has_loaded_what_is_on_disk(host: Host, p: Params) -> Seen:
    """Prometheus has loaded what is on disk."""
    return all_of(host, p, has_the_files_on_disk, has_reloaded, runs_the_rules_on_disk)


def every_file_has_rules(host: Host, p: Params) -> Seen:
    """Every rule file and every pattern brings at least one rule."""
    found = on_disk(host, container_of(host, ON))
    silent = found.without_rules()
    saw = "\n".join(silent) or counted(len(found.files), "rule file")
    return Seen(bool(found.groups) and not silent, saw=saw, next="mend rule_files")


def evaluates_without_new_errors(host: Host, p: Params) -> Seen:
    """The changed rules were evaluated, or queried where that takes long, and none has an error that was not there before."""
    return evaluation.without_new_errors(host, PROMETHEUS, host.run.kept)


def still_has_an_alertmanager(host: Host, p: Params) -> Seen:
    """Prometheus sends its alerts to an Alertmanager, unless it did not before either."""
    now, before = host.read(PROMETHEUS.alertmanagers()), host.run.kept.get("alertmanagers", [])
    saw = f"to {', '.join(now)}" if now else f"to nobody; before: {', '.join(before) or 'nobody either'}"
    return Seen(bool(now) or not before, saw=saw, next=f"opsbook logs {ON} {host.name}")


def return_to_the_old_commit(host: Host, p: Params) -> None:
    """Move the checkout back to the commit that it was at."""
    reloading.go_back(host, p)


def what_prometheus_logged(host: Host, p: Params) -> str:
    """The last lines of Prometheus's log."""
    return host.read(docker.last_lines(container_of(host, ON).id, 40))


STEPS = (look, vet, pull, reload)
PROOF = (
    within(settle, is_ready),
    has_the_files_on_disk,
    within(settle, has_reloaded),
    within(settle, runs_the_rules_on_disk),
    every_file_has_rules,
    within(evaluation.LONGEST_WAIT, evaluates_without_new_errors),
    within(settle, still_has_an_alertmanager),
)
UNDO, UNDONE, UNDOABLE = (return_to_the_old_commit, reload), PROOF, reloading.may_be_taken_back
EVIDENCE = (what_prometheus_logged,)
