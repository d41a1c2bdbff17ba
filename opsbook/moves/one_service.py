"""That one service is well: the last sentences of a proof, for a runbook whose Params name the `service`."""

from __future__ import annotations

from typing import Protocol

from opsbook.check import Seen
from opsbook.host import Host
from opsbook.moves import neighbours, services


class Named(Protocol):
    """Params with a service."""

    @property
    def service(self) -> str:
        """The service's name."""


def is_healthy(host: Host, p: Named) -> Seen:
    """The service is healthy."""
    return services.is_healthy(host, p.service)


def answers(host: Host, p: Named) -> Seen:
    """The service answers at its own endpoint."""
    return services.endpoint_answers(host, p.service)


def does_not_restart(host: Host, p: Named) -> Seen:
    """The service does not restart while it is watched."""
    return services.restart_count_is_stable(host, p.service)


def others_are_untouched(host: Host, p: Named) -> Seen:  # noqa: ARG001
    """The other services ran on."""
    return neighbours.are_untouched(host)


def what_it_logged(host: Host, p: Named) -> str:
    """The last lines of the service's log."""
    return services.last_words(host, p.service, lines=40)
