"""Bring the servers back to how they were made, in seconds and without a rebuild: for rehearsals and between tests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from opsbook.lab import breaking, state
from opsbook.lab.docker import script
from opsbook.lab.hosts import RENEW, programs
from opsbook.lab.lab import Lab
from opsbook.lab.profile import GIT, SITE, HostSpec, Profile
from opsbook.lab.running import project


def renew(lab: Lab, *names: str, profile: Profile = SITE) -> None:
    """Mend every fault, and renew the named servers, or all that are up; the host of the stack p24 has `reset`."""
    with state.alone(lab):
        for injected in breaking.in_force(lab):
            breaking.repair(lab, injected)
        state.save(lab, replace(state.load(lab), faults=()))
        up = profile.only(state.load(lab).ports)
        chosen = [spec for spec in up.hosts if GIT not in spec.needs and (not names or spec.name in names)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda spec: renewed(lab, spec), chosen))


def renewed(lab: Lab, spec: HostSpec) -> None:
    """Renew one server, and let its project run."""
    script(lab.container(spec.name), RENEW)
    programs(lab, spec)
    if spec.project:
        project(lab, spec, lambda _: None)
