"""What a run means: its parameters, and the values of the inventory that they stand for."""

from __future__ import annotations

from opsbook.errors import Refused
from opsbook.host import Host

MEANT = "meant"


def expect_same(host: Host, meant: str) -> None:
    """Remember what this run means; raise Refused where it goes on from one that meant something else, which its way back alone covers."""
    before = host.run.kept.setdefault(MEANT, meant)
    if before != meant:
        undo = f"opsbook undo RUN {host.name}    (`opsbook history` names it), and then this command again"
        what = "the inventory was changed since this run began, and its undo would leave behind what is new"
        raise Refused(what, saw=f"then: {before}\nnow:  {meant}", next=undo, host=host.name)
