"""Stand-ins: small programs in the place of those that no package offers, with the real ones' outer behaviour."""

from __future__ import annotations

from opsbook.lab.standins.packing import program

__all__ = ["program"]
