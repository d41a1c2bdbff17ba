"""A Compose project on the host: its settings, and starting, stopping and making its services anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opsbook.host import Read, Result, Write
from opsbook.inventory import Stack
from opsbook.shell import Command, cmd
from opsbook.systems.container import Container, of
from opsbook.systems.image import with_tag
from opsbook.systems.project import Project, parse_project


@dataclass(frozen=True)
class Compose:
    """One project, by the directory of its Compose file."""

    directory: str
    project: str
    env_file: str = ".env"

    def settings(self) -> Read[Project]:
        """The project with every variable filled in; fails where the Compose file is wrong."""
        return Read(self._compose("config", "--format=json"), parse_project)

    def hashes(self) -> Read[dict[str, str]]:
        """Compose's hash of each service's settings, as `up` compares it with the running container's."""
        return Read(self._compose("config", "--hash=*"), parse_hashes)

    def up(
        self,
        *services: str,
        no_deps: bool = False,
        build: bool = False,
        force_recreate: bool = False,
        wait: int | None = None,
    ) -> Write:
        """Create what is missing and recreate what changed; with `wait`, until healthy or that many seconds are over."""
        words = (
            "--no-deps" if no_deps else None,
            "--build" if build else None,
            "--force-recreate" if force_recreate else None,
            None if wait is None else "--wait",
            None if wait is None else f"--wait-timeout={wait}",
        )
        title = f"bring up {', '.join(services) or 'the whole stack'}"
        return Write(self._compose("up", "--detach", "--quiet-pull", *words, *services), title, within=600)

    def build(self, service: str, *, fresh: bool = False) -> Write:
        """Build the service's image; `fresh` takes nothing from the cache."""
        words = ("--no-cache", "--pull") if fresh else ()
        return Write(self._compose("build", *words, service), f"build {service}", within=900)

    def restart(self, service: str) -> Write:
        """Stop and start the same container; changed settings are not applied."""
        return Write(self._compose("restart", "--no-deps", service), f"restart {service}")

    def stop(self, *services: str) -> Write:
        """Stop the services' containers."""
        return Write(self._compose("stop", *services), f"stop {', '.join(services)}")

    def start(self, *services: str) -> Write:
        """Start the same containers again; unlike `up`, no changed setting slips in."""
        return Write(self._compose("start", *services), f"start {', '.join(services)}")

    def _compose(self, *words: str | None) -> Command:
        other = None if self.env_file == ".env" else f"--env-file={self.directory}/{self.env_file}"
        # --project-directory is not enough: a relative COMPOSE_FILE of `.env` is looked for where Compose is started
        there = ("env", f"--chdir={self.directory}", "docker", "compose", f"--project-directory={self.directory}")
        return cmd(*there, f"--project-name={self.project}", other, *words)


def compose(stack: Stack) -> Compose:
    """Return the stack's project."""
    return Compose(stack.directory, stack.project, stack.env_file)


def parse_hashes(result: Result) -> dict[str, str]:
    """Given lines of service and hash, return the hashes by service."""
    return dict(line.split(" ", 1) for line in result.out.splitlines())


def outdated(hashes: Mapping[str, str], containers: Iterable[Container], image_ids: Mapping[str, str]) -> tuple[str, ...]:
    """Return the services that `up` would make anew: other settings, a newer image of the same name, or no container."""
    known = tuple(containers)
    return tuple(service for service, digest in sorted(hashes.items()) if not _up_to_date(of(known, service), digest, image_ids))


def other_owners(directory: str, containers: Iterable[Container]) -> tuple[str, ...]:
    """Return the directories, other than this one, whose Compose files made containers of the same project name."""
    return tuple(sorted({container.directory for container in containers} - {directory, ""}))


def _up_to_date(container: Container | None, digest: str, image_ids: Mapping[str, str]) -> bool:
    if container is None or container.config_hash != digest:
        return False
    return image_ids.get(with_tag(container.image), container.image_id) == container.image_id
