"""promtool over a web.yml that is not there yet, in a throw-away container that sees it where the service will."""

from __future__ import annotations

from opsbook.errors import Refused
from opsbook.host import Host, Read, Result
from opsbook.moves.giving import everything
from opsbook.moves.web_auth.target import Target
from opsbook.shell import Command, script
from opsbook.systems import scratch
from opsbook.systems.answers import nothing
from opsbook.systems.container import Container, Mount
from opsbook.systems.inside import throwaway
from opsbook.systems.web_config import check_web_config

NO_PROGRAM = frozenset({125, 126, 127})
VERDICTS = frozenset({0, 1, 2, 3}) | NO_PROGRAM
# the folder is ours alone; the file is open to the container's user, which sees nothing else of it
CANDIDATE = 'umask 022; cat > "$1/web.yml"'


def judge(host: Host, target: Target, text: str) -> None:
    """Let promtool judge the new web.yml with the service's own mounts; raise Refused when it says no, or when nobody has a promtool."""
    folder = host.read(scratch.scratch())
    try:
        host.read(Read(script(CANDIDATE, folder), nothing, stdin=text))
        for image in _images(host, target):
            verdict = host.read(Read(_over(target, image, folder), _verdict, answers=VERDICTS, within=60))
            if verdict is not None:
                _expect_good(host, target, verdict)
                host.say(f"promtool of {image.image} accepts the new {target.path}")
                return
    finally:
        host.clean(scratch.drop(folder))
    raise Refused("no image of the stack has a promtool to judge web.yml", next=f"opsbook status {host.name}", host=host.name)


def _images(host: Host, target: Target) -> tuple[Container, ...]:
    """Return a container of each image that may have a promtool: the service's own, then the others, Prometheus first."""
    others = sorted(everything(host), key=lambda one: "prometheus" not in one.image)
    found: dict[str, Container] = {}
    for one in (target.container, *others):
        found.setdefault(one.image_id, one)
    return tuple(found.values())


def _over(target: Target, image: Container, folder: str) -> Command:
    mounts = [mount for mount in target.container.mounts if mount.type == "bind" and mount.destination != target.path]
    mounts.append(Mount("bind", f"{folder}/web.yml", target.path, writable=False))
    return throwaway(image.image_id, mounts, *check_web_config(target.path), user=target.container.user)


def _verdict(result: Result) -> str | None:
    """Return what promtool said against it, which may be nothing; None where the image has no promtool."""
    if result.code in NO_PROGRAM:
        return None
    return "" if result.code == 0 else f"{result.out}\n{result.err}".strip() or f"exit code {result.code}"


def _expect_good(host: Host, target: Target, verdict: str) -> None:
    if verdict:
        fix = f"mend {target.file} (on {host.name})"
        raise Refused("promtool rejects the web.yml that would come", saw=host.mask(verdict), next=fix, host=host.name)
