"""Where paramiko's own log goes: to the debug file, or nowhere; never to the screen."""

from __future__ import annotations

import logging
from pathlib import Path

from opsbook.places import private_folder

LOGGER = logging.getLogger("paramiko")


def log_to(path: Path | None) -> None:
    """Send paramiko's log to the file, which only the operator can read."""
    LOGGER.propagate = False
    if path is None:
        LOGGER.setLevel(logging.CRITICAL + 1)
        return
    if not any(isinstance(handler, logging.FileHandler) and handler.baseFilename == str(path.absolute()) for handler in LOGGER.handlers):
        private_folder(path.parent)
        path.touch(mode=0o600)
        path.chmod(0o600)
        handler = logging.FileHandler(path)
        handler.setFormatter(logging.Formatter("%(asctime)s %(threadName)s %(name)s %(levelname)s %(message)s"))
        LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
