"""node_exporter as a unit of the host, installed by the one program that may."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Write
from opsbook.privileged import NODE_EXPORTER
from opsbook.shell import Command, cmd, script
from opsbook.systems.answers import stripped, text
from opsbook.systems.release import Release
from opsbook.web import Endpoint, Request

BUILD, UNAME = "node_exporter_build_info", "node_uname_info"
NONE = "none"
UNIT, PACKAGED = "/etc/systemd/system/node_exporter.service", "prometheus-node-exporter.service"     # ours; Debian's
REFUSED = 65
WITHIN = 180        # seconds

# $1 the request, $2 the name of the tarball, then the program: it gets both by standard input, and no path.
WITH_TARBALL = r"""
set -o pipefail
request=$1 file=$HOME/.local/state/opsbook/staged/$2; shift 2
[ -f "$file" ] || { echo "$file is not there" >&2; exit 74; }
{ printf '%s\n' "$request"; cat -- "$file"; } | "$@"
"""


@dataclass(frozen=True)
class State:
    """What is installed and what runs; hashes are SHA-256, or empty where there is no such file."""

    program: str
    unit: str
    path: str           # the file that systemd has the unit from
    meant: str          # the hash of the unit that this opsbook would write
    enabled: str        # as systemd says it
    active: str
    exe: str            # the file that runs, or that ran until it was deleted
    runs_it: bool       # the process is of the program that lies there now
    invocation: str     # another one for each start
    restarts: int       # by systemd itself, because it failed
    release: str        # version, architecture and hash of what we installed last
    before: str         # the run that what is kept belongs to
    restarted: bool     # that run has started it anew

    @property
    def foreign(self) -> str:
        """Return the unit's file where it is one that we would only hide, and could not bring back."""
        return "" if self.path == UNIT else self.path

    @property
    def shape(self) -> list[object]:
        """Return what an undo brings back: the hashes of program and unit, whether it starts at boot, and whether it runs."""
        return [self.program, self.unit, self.enabled, self.active == "active"]

    def is_whole(self, release: Release) -> bool:
        """Return whether that release is installed as it is meant, starts at boot, and runs."""
        installed = f"{release.version} {release.architecture} {self.program}" == self.release
        return installed and self.unit == self.meant and self.enabled == "enabled" and self.active == "active" and self.runs_it


def state(port: int) -> Read[State]:
    """What is installed and what runs; the port is the one that it is meant to have."""
    return Read(NODE_EXPORTER.run, parse_state, stdin=f"status {port}\n")


def judge(release: Release, sha256: str) -> Read[str]:
    """Why what lies ready cannot be installed here; nothing when it can. It is unpacked and tried, and nothing is changed."""
    request = f"judge {release.version} {release.architecture} {sha256}"
    return Read(_with_tarball(request, release), parse_judgement, answers=frozenset({0, REFUSED}), within=WITHIN)


def install(release: Release, sha256: str, port: int, run: str) -> Write:
    """Let that release run on that port; what is there now is kept under the run."""
    request = f"install {release.version} {release.architecture} {sha256} {port} {run}"
    title = f"install node_exporter {release.version} ({release.architecture}) on port {port}"
    return Write(_with_tarball(request, release), title, within=WITHIN)


def back(run: str) -> Write:
    """Put back what was there before that run."""
    return Write(NODE_EXPORTER.run, "put back what was there before", stdin=f"back {run}\n", within=WITHIN)


def last_lines() -> Read[str]:
    """What the unit logged last."""
    return Read(NODE_EXPORTER.run, text, stdin="log\n")


def metrics(port: int) -> Read[str]:
    """The page that it serves."""
    return Read(Request("node_exporter", "/metrics", at=Endpoint(port=port)), text)


def node_name() -> Read[str]:
    """What the host calls itself."""
    return Read(cmd("uname", "-n"), stripped)


def parse_state(result: Result) -> State:
    """Given lines of name and value, return them."""
    found = {name: "" if value == NONE else value for name, _, value in (line.partition(" ") for line in result.out.splitlines())}
    return State(
        program=found["program"],
        unit=found["unit"],
        path=found["path"],
        meant=found["meant"],
        enabled=found["enabled"],
        active=found["active"],
        exe=found["exe"],
        runs_it=found["runs"] == "it",
        invocation=found["invocation"],
        restarts=int(found["restarts"] or 0),
        release=found["release"],
        before=found["before"],
        restarted=found["restarted"] == "yes",
    )


def parse_judgement(result: Result) -> str:
    """Given how the judging ended, return the reason of a no."""
    return (result.err.strip() or "it does not say why") if result.code == REFUSED else ""


def _with_tarball(request: str, release: Release) -> Command:
    order = script(WITH_TARBALL, request, release.name, *(str(word) for word in NODE_EXPORTER.run.words))
    return replace(order, shown=f"{NODE_EXPORTER.run}, which reads '{request.strip()}' and {release.name}")
