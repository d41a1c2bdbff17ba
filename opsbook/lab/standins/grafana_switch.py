"""The lab's own switch: a Grafana that answers until its password is to be changed, and is gone then."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

ARMED, GONE = ".lab-gone-at-password", ".lab-gone"  # beside the database; the first holds for how many seconds, empty: for good


@dataclass(frozen=True)
class Switch:
    data: Path

    def pulled(self) -> bool:
        """Tell whether the password that is to be changed is the one; from then on no start succeeds until the time is over."""
        try:
            seconds = (self.data / ARMED).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return False
        (self.data / GONE).write_text(str(time.time() + float(seconds)) if seconds else "", encoding="utf-8")
        (self.data / ARMED).unlink()
        return True

    def gone(self) -> bool:
        """Tell whether a start is to fail."""
        try:
            until = (self.data / GONE).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return False
        return not until or time.time() < float(until)
