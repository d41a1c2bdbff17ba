"""YAML read as Go programs read it into texts: `yes`, `1` and `1m` stay what was written."""

from __future__ import annotations

import re
from typing import Any

from opsbook.errors import CommandFailed

MERGE = re.compile("^<<$")


def plain(text: str, where: str) -> Any:
    """Given YAML, return it with every scalar as text; raise CommandFailed that names the place."""
    import yaml

    safe = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader      # by libyaml, where it is built in, ten times as fast

    class Plain(safe):  # type: ignore[misc, valid-type]
        """A loader that knows merge keys and nothing else."""

        yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", MERGE)]}  # noqa: RUF012  # type: ignore[misc]

    try:
        return yaml.load(text, Loader=Plain)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        raise CommandFailed(f"{where} is no YAML", saw=str(error)) from None
