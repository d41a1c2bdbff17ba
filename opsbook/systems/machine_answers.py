"""What a whole host told, section by section."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from opsbook.host import Result
from opsbook.systems.commit import Commit, parse_log
from opsbook.systems.container import Container, parse_containers
from opsbook.systems.disk import Disk, parse_disks
from opsbook.systems.systemd import Clock, parse_clock

TIMED_OUT = 124
MAY_FAIL = {"kills", "disks"}       # grep finds nothing; one of many file systems is not ours to see

PSEUDO = re.compile("/(dev|proc|sys|etc)(/|$)")     # the kernel's own, and the files that a container runtime mounts


@dataclass(frozen=True)
class Memory:
    """Memory and swap, in bytes."""

    total: int
    available: int
    swap: int = 0
    swap_free: int = 0


@dataclass(frozen=True)
class Machine:
    """What the host told; `None` is what it did not tell, and `silent` says why. Times in seconds."""

    now: float | None = None                            # since 1970, by the host's clock
    zone: str = ""
    load: tuple[float, float, float] | None = None      # over 1, 5 and 15 minutes
    uptime: float | None = None
    cpus: int | None = None
    memory: Memory | None = None
    oom_kills: int | None = None                        # since boot
    kills: tuple[str, ...] | None = None                # the last lines about them
    disks: tuple[Disk, ...] | None = None
    containers: tuple[Container, ...] | None = None
    clock: Clock | None = None
    failed_units: tuple[str, ...] | None = None
    commits: tuple[Commit, ...] | None = None
    changes: tuple[str, ...] | None = None              # uncommitted ones in the checkout
    silent: Mapping[str, str] = field(default_factory=dict)


def parse_machine(result: Result) -> Machine:
    """Given the answers of the script, return what they say; an answer that makes no sense counts as none."""
    machine, silent = Machine(), {}
    for entry in result.out.split("\x1e")[1:]:
        name, _, rest = entry.partition("\x1f")
        code, _, said = rest.partition("\n")
        told = _read(name, Result(int(code), said))
        if isinstance(told, str):
            silent[name] = told
        else:
            machine = replace(machine, **told)  # type: ignore[arg-type]
    return replace(machine, silent=silent)


def _read(name: str, answer: Result) -> dict[str, object] | str:
    if answer.code != 0 and name not in MAY_FAIL:
        return "no answer in time" if answer.code == TIMED_OUT else answer.out.strip() or f"exit code {answer.code}"
    try:
        return READERS[name](answer)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return f"cannot be read: {error}"


def _now(answer: Result) -> dict[str, object]:
    seconds, zone = answer.out.split()
    return {"now": float(seconds), "zone": zone}


def _load(answer: Result) -> dict[str, object]:
    one, five, fifteen = (float(part) for part in answer.out.split()[:3])
    return {"load": (one, five, fifteen)}


def _memory(answer: Result) -> dict[str, object]:
    found = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in answer.out.splitlines() if line)}
    return {"memory": Memory(found["MemTotal"], found["MemAvailable"], found.get("SwapTotal", 0), found.get("SwapFree", 0))}


def _lines(answer: Result) -> tuple[str, ...]:
    return tuple(line for line in answer.out.splitlines() if line.strip())


READERS: Mapping[str, Callable[[Result], dict[str, object]]] = {
    "now": _now,
    "load": _load,
    "uptime": lambda answer: {"uptime": float(answer.out.split()[0])},
    "cpus": lambda answer: {"cpus": int(answer.out)},
    "memory": _memory,
    "oom": lambda answer: {"oom_kills": int(answer.out.split()[1])},
    "kills": lambda answer: {"kills": _lines(answer)},
    "disks": lambda answer: {"disks": tuple({disk.mount: disk for disk in parse_disks(answer) if not PSEUDO.match(disk.mount)}.values())},
    "containers": lambda answer: {"containers": parse_containers(answer)},
    "clock": lambda answer: {"clock": parse_clock(answer)},
    "failed": lambda answer: {"failed_units": tuple(line.split()[0] for line in _lines(answer))},
    "commits": lambda answer: {"commits": parse_log(Result(0, "\0".join(_lines(answer))))},
    "changes": lambda answer: {"changes": tuple(line[3:] for line in _lines(answer))},
}
