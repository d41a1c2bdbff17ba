"""What tests take from the real thing and give back, by name, and what a check sees of it: while it is gone, and once it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from opsbook.check import Check, Seen, look_once
from opsbook.host import Host
from opsbook.lab.lab import Lab
from opsbook.moves import neighbours, swapping
from tests.lab.open_host import open_host
from tests.lab.reach import on_vps

EXPORTER = "queue-exporter"
AS_FORESEEN_WITHIN = 20
WORDS = """
named() { echo "monitoring-$1-1"; }
tells() { docker inspect --format "$2" "$(named "$1")"; }
address() { tells "$1" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'; }
cut() { docker network disconnect monitoring_default "$(named "$1")"; }
join() { docker network connect --alias "$1" monitoring_default "$(named "$1")"; }
within() { nsenter --target "$(tells "$1" '{{.State.Pid}}')" --net iptables --wait "${@:2}"; }
wall() { within "$1" --append OUTPUT --protocol tcp --destination "$(address "$2")" --jump REJECT --reject-with tcp-reset; }
tear_down() { within "$1" --flush OUTPUT; }
serve() { docker exec --interactive "$(named caddy)" caddy reload --adapter caddyfile --config "$1"; }
queues() { cat >/opt/p24-infra/monitoring/exporters/queue-exporter/config/queues.json; docker restart "$(named queue-exporter)"; }
"""
COMMITTED = "monitoring/exporters/queue-exporter/config/queues.json"


@dataclass(frozen=True)
class Break:
    """What root does on the host to take something away, and to give it back."""

    do: str
    mend: str = ""
    in_the_middle: bool = False     # of the look, at its first pause


BREAKS = {
    "paused": Break("docker pause $(named queue-exporter)", "docker unpause $(named queue-exporter)"),
    "stopped": Break("docker stop $(named queue-exporter)", "docker start $(named queue-exporter)"),
    "killed": Break("kill -9 $(tells queue-exporter '{{.State.Pid}}')", in_the_middle=True),
    "cut off": Break("cut queue-exporter; cut loki", "join queue-exporter; join loki"),
    "walled off": Break(
        "wall prometheus alertmanager; wall promtail loki; wall thanos-sidecar prometheus; wall thanos-query thanos-sidecar; "
        "wall blackbox-exporter caddy",
        "for one in prometheus promtail thanos-sidecar thanos-query blackbox-exporter; do tear_down $one; done",
    ),
    "nothing to serve": Break("serve /dev/stdin <<<''", "serve /etc/caddy/Caddyfile"),
    "another image": Break(
        "docker tag caddy:2.6.2-alpine monitoring-queue-exporter:latest",
        "docker tag opsbook-lab/queue-exporter:first monitoring-queue-exporter:latest",
    ),
    "a wrong file": Break("echo no json | queues", f"git -c safe.directory='*' -C /opt/p24-infra show HEAD:{COMMITTED} | queues"),
}


def shown(lab: Lab, name: str, asked: Sequence[tuple[Check[Any], object, Sequence[str]]]) -> list[tuple[Seen, Seen]]:
    """Return what each check saw in a run of now: while it was broken, and once it was mended."""
    this = BREAKS[name]
    with open_host(lab) as host:
        _as_if_done(host)
        if this.in_the_middle:
            crashing = _breaking_at_a_pause(host, lambda: root(lab, this.do))
            red = [_wait_for(crashing, check, p, lambda seen: not seen.ok) for check, p, _ in asked]
        else:
            with _broken(lab, this):
                red = [_wait_for(_impatient(host), check, p, partial(_blames, says)) for check, p, says in asked]
        mended = replace(_impatient(host), _remembered={})      # as after a change of ours
        return list(zip(red, [_wait_for(mended, check, p, lambda seen: seen.ok) for check, p, _ in asked], strict=True))


def root(lab: Lab, script: str) -> None:
    """Run a script of these words as root on vps-i1."""
    on_vps(lab, WORDS + script, user="root")


@contextmanager
def _broken(lab: Lab, this: Break) -> Iterator[None]:
    try:
        root(lab, this.do)
        yield
    finally:
        root(lab, this.mend)


def _as_if_done(host: Host) -> None:
    """Let the run have begun now, and have done what its proof is about."""
    host.run.started = host.now()
    host.keep(restarted=True, recreated=True)
    neighbours.remember(host, "caddy")
    swapping.remember(host, EXPORTER, well=True)


def _impatient(host: Host) -> Host:
    return replace(host, entry=replace(host.entry, stack=replace(host.stack, settle=1, stable=1)))


def _breaking_at_a_pause(host: Host, break_: Callable[[], None]) -> Host:
    def pause(seconds: float) -> None:
        break_()
        host.pause(seconds)

    return replace(_impatient(host), pause=pause)


def _blames(culprits: Sequence[str], seen: Seen) -> bool:
    return not seen.ok and all(each in seen.saw for each in culprits)


def _wait_for(host: Host, check: Check[Any], p: object, foreseen: Callable[[Seen], bool]) -> Seen:
    """Ask, without the wait of the proof, until it is as foreseen; return what was seen last. An effect takes its time to come and go."""
    once, deadline = getattr(check, "__wrapped__", check), host.clock() + AS_FORESEEN_WITHIN
    while not foreseen(seen := look_once(host, once, p)) and host.clock() < deadline:
        continue
    return seen
