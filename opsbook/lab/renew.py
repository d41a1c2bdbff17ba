"""Bring the servers back to how they were made, in seconds and without a rebuild: for rehearsals and between tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from opsbook.errors import UsageError
from opsbook.lab import breaking, state
from opsbook.lab.docker import script
from opsbook.lab.hosts import RENEW, programs
from opsbook.lab.lab import Lab
from opsbook.lab.profile import GIT, SITE, HostSpec, Profile
from opsbook.lab.running import follow, project


def renew(lab: Lab, *names: str, profile: Profile = SITE) -> tuple[str, ...]:
    """Mend every fault, and renew the named servers, or all that are up; return their names. The host of p24 is no such server."""
    with state.alone(lab):
        breaking.needs_lab(lab)
        can_be_renewed(profile, names)
        for injected in breaking.in_force(lab):
            breaking.repair(lab, injected)
        state.save(lab, replace(state.load(lab), faults=()))
        up = profile.only(state.load(lab).ports)
        chosen = [spec for spec in up.hosts if GIT not in spec.needs and (not names or spec.name in names)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda spec: renewed(lab, spec), chosen))
    return tuple(spec.name for spec in chosen)


def can_be_renewed(profile: Profile, names: tuple[str, ...]) -> None:
    """Refuse a host that is none of the site, and one whose data would be lost."""
    for spec in profile.only(names).hosts:
        if GIT in spec.needs:
            raise UsageError(f"{spec.name} has a stack with data of its own", saw="only plain servers are renewed", next="opsbook lab mend")


def renewed(lab: Lab, spec: HostSpec) -> None:
    """Renew one server, and let its project run."""
    script(lab.container(spec.name), RENEW)
    programs(lab, spec)
    if spec.project:
        follow(lab, spec)
        project(lab, spec, lambda _: None)
