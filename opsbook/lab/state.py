"""What the lab remembers: lab.json and its lock."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from opsbook.lab.docker import LabError
from opsbook.lab.lab import Lab
from opsbook.places import private_folder


@dataclass(frozen=True)
class Injected:
    """A fault that was injected and not yet mended, with what its mending needs."""

    name: str
    args: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The contents of lab.json."""

    subnet: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[Injected, ...] = ()
    lights: int = 0

    def without(self, fault: str) -> State:
        """Forget one fault."""
        return replace(self, faults=tuple(known for known in self.faults if known.name != fault))


def load(lab: Lab) -> State:
    """Read lab.json; a lab that was never brought up has an empty one."""
    try:
        raw = json.loads((lab.folder / "lab.json").read_text())
    except FileNotFoundError:
        return State()
    except ValueError:
        raise LabError("lab.json is not readable as JSON", saw=str(lab.folder), next="opsbook lab down") from None
    faults = tuple(Injected(one["name"], tuple(one["args"]), one["kept"]) for one in raw["faults"])
    return State(raw["subnet"], raw["ports"], faults, raw.get("lights", 0))


def save(lab: Lab, state: State) -> None:
    """Write lab.json at once, so that a killed run leaves the old one or the new one."""
    place(lab.folder / "lab.json", json.dumps({"name": lab.name, **asdict(state)}, indent=2) + "\n")


def place(path: Path, text: str) -> None:
    """Write a private file atomically."""
    private_folder(path.parent)
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)


@contextmanager
def alone(lab: Lab) -> Iterator[None]:
    """Hold the lab's lock: two builds of one lab wait for each other."""
    private_folder(lab.folder).chmod(0o700)
    with lock_file(lab).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def lock_file(lab: Lab) -> Path:
    """Return the lock's file, which lies beside the lab's folder because that one may be removed."""
    return lab.folder.with_suffix(".lock")
