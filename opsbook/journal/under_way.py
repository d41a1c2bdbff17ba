"""Whether a run that has no end in the journal goes on: its process holds a file locked, and the kernel lets go when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

FOLDER = "under-way"        # beside the journal; an empty file a run


class UnderWay:
    """The files of the runs that go on; where one cannot be made or locked, the run is only not known to go on."""

    def __init__(self, beside: Path) -> None:
        self._folder = beside.parent / FOLDER
        self._held: tuple[Path, int] | None = None

    def begin(self, run: str) -> None:
        """Hold the file of our run until its end, or our own."""
        self.end()
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._folder / run, os.O_RDWR | os.O_CREAT, 0o600)
            self._held = (self._folder / run, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self) -> None:
        """Let go of it."""
        if self._held is not None:
            path, descriptor = self._held
            self._held = None
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def has(self, run: str) -> bool:
        """Return whether a process holds the file of that run; the file of one that died is removed."""
        path = self._folder / run
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return False
