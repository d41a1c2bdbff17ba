"""The stack's `.env`: single values of it changed, and put back."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import replace

from opsbook.errors import Refused
from opsbook.host import Host
from opsbook.systems import files
from opsbook.systems.assignments import assignments
from opsbook.systems.dotenv import parse_env, replaced, rewritten, written


def path(host: Host) -> str:
    """Return where it is."""
    return posixpath.join(host.stack.directory, host.stack.env_file)


def text(host: Host) -> str:
    """Return its text; raise Refused when there is none."""
    found = host.read(files.read(path(host)))
    if found is None:
        raise Refused(f"{path(host)} is missing", host=host.name)
    return found


def values(host: Host) -> dict[str, str]:
    """Return its variables."""
    return parse_env(text(host))


def expect_once(host: Host, keys: Iterable[str]) -> None:
    """Raise Refused where one of them is assigned twice: nobody could say which one counts."""
    names = [one.name for one in assignments(text(host))]
    if twice := sorted({key for key in keys if names.count(key) > 1}):
        raise Refused(f"{', '.join(twice)}: assigned more than once", saw=path(host), next=f"leave one, on {host.name}", host=host.name)


def change(host: Host, new: Mapping[str, str], about: str = "") -> None:
    """Give these variables new values; everything else stays byte for byte, and so do owner and mode."""
    host.write(replace(files.place(path(host), replaced(text(host), new)), about=about))


def put_back(host: Host, old: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """Write these variables as they were written before; raise Refused where one is neither that nor ours."""
    now = text(host)
    known, values = written(now), parse_env(now)
    if strange := sorted(key for key in old if known.get(key) != old[key] and values.get(key) != ours[key]):
        raise Refused(f"somebody has changed {', '.join(strange)} since", saw=path(host), host=host.name)
    before = rewritten(now, old)
    if before != now:
        host.write(files.place(path(host), before))


def rest(whole: str, keys: Iterable[str]) -> str:
    """Return a digest of everything but the values of these variables."""
    return digest(rewritten(whole, dict.fromkeys(keys, "")))


def digest(whole: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(whole.encode(errors="surrogateescape")).hexdigest()
