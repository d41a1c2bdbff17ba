"""A build of one Compose service from a tree beside the checkout, under a name that nobody runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from opsbook.host import Read, Result
from opsbook.inventory import Stack
from opsbook.shell import Secret, script
from opsbook.systems.answers import stripped
from opsbook.systems.compose import compose

Document = Mapping[str, Any]        # a whole project, as `docker compose config --format=json` tells it
OUTWARD = frozenset({"tags", "cache_to"})       # of a build section: names and places that others use

# The file of the project would give the image the name that the running service has, and wants files that are not in the tree
# (env_file). Its values may be secrets, so ours comes by standard input, and only we may read it.
BUILD = """
context=$1 project=$2 env=$3 service=$4
file=$(mktemp) || exit
trap 'rm --force -- "$file"' EXIT
cat > "$file" || exit
docker compose "--project-directory=$context" "--project-name=$project" "--env-file=$env" "--file=$file" build "$service" 2>&1 || exit 65
"""
FAILED = 65
BUILDING = 900      # seconds
DROP = 'docker image rm --no-prune "$1" > /dev/null 2>&1 || :'


def document(stack: Stack) -> Read[Document]:
    """The stack's project as Compose sees it, with all its files and variables, of which a build takes its part."""
    return Read(compose(stack).settings().ask, parse_document)


def sources(project: Document, service: str) -> tuple[str, ...]:
    """Return what the build of the service reads: its context first, then those beside it, which need not be folders."""
    section = project["services"][service]["build"]
    return (section["context"], *(section.get("additional_contexts") or {}).values())


def only(project: Document, service: str, image: str, place: Callable[[str], str]) -> Secret:
    """Return the Compose file of a project that builds this service's image alone, by that name, from files of another place."""
    known = project["services"][service]
    section = {key: value for key, value in known["build"].items() if key not in OUTWARD}
    section |= {key: place(section[key]) for key in ("context", "dockerfile") if key in section}
    if contexts := section.get("additional_contexts"):
        section["additional_contexts"] = {name: place(source) for name, source in contexts.items()}
    used = {secret["source"] for secret in section.get("secrets") or ()}
    made = {key: known[key] for key in ("platform",) if key in known} | {"image": image, "build": section}
    secrets = {name: found for name, found in (project.get("secrets") or {}).items() if name in used}
    return Secret(json.dumps({"services": {service: made}, "secrets": secrets}))


def build(context: str, project: str, env_file: str, service: str, file: Secret) -> Read[str]:
    """Nothing where the file's image could be built, else what the builder printed."""
    asked = script(BUILD, context, project, env_file, service)
    return Read(asked, parse_built, stdin=file, answers=frozenset({0, FAILED}), within=BUILDING)


def drop(image: str) -> Read[str]:
    """Take our own name away again; an image that has no other name goes with it."""
    return Read(script(DROP, image), stripped)


def parse_document(result: Result) -> Document:
    """Given the project as JSON, return it."""
    found: Document = json.loads(result.out)
    return found


def parse_built(result: Result) -> str:
    """Given code and output, return nothing for a good build, else the output."""
    return "" if result.code == 0 else stripped(result) or "no word"
