"""What keeps a container's process in its container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Confinement:
    """What of it Docker was told."""

    read_only: bool = False             # its root file system
    drops_all: bool = False             # every capability, before some are added
    no_new_privileges: bool = False
    privileged: bool = False


UNCONFINED = Confinement()


def confinement(raw: Mapping[str, Any]) -> Confinement:
    """Given the HostConfig of `docker inspect`, return it."""
    options = {option.replace(":", "=").lower() for option in raw.get("SecurityOpt") or ()}
    return Confinement(
        read_only=bool(raw.get("ReadonlyRootfs")),
        drops_all="ALL" in {name.upper() for name in raw.get("CapDrop") or ()},
        no_new_privileges=bool(options & {"no-new-privileges", "no-new-privileges=true"}),
        privileged=bool(raw.get("Privileged")),
    )
