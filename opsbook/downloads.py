"""What this machine fetches for hosts that cannot: once, verified, and kept for the next run. The only importer of requests."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from opsbook import verified
from opsbook.errors import Refused
from opsbook.host import Fetched

if TYPE_CHECKING:
    import requests

SUMS = "sha256sums.txt"
LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)")
CHUNK = 1 << 16
CONNECT, SILENCE, WHOLE = 10.0, 30.0, 600.0     # seconds
BIGGEST, BIGGEST_SUMS = 1 << 28, 1 << 20        # bytes
NOT_FOUND = 404
AS_IT_IS = {"Accept-Encoding": "identity"}      # the file itself, and not what a server or a library makes of it
SOURCE = "node_exporter.source in the inventory: is it right?"
NO_ANSWER = 500         # and above: the server is there, and cannot


class Silent(Refused):
    """The server gives no answer, which says nothing about the file."""


class Downloads:
    """The cache of this machine; hosts that run side by side wait for the one that fetches."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one_at_a_time = threading.Lock()

    def fetched(self, folder: str, name: str) -> Fetched:
        """Return a file of that URL whose sum is the one in its sha256sums.txt; raise Refused when it cannot be had."""
        with self._one_at_a_time:
            path = self._folder / name
            try:
                wanted = _sum_of(name, b"".join(_bytes(f"{folder}/{SUMS}", BIGGEST_SUMS)).decode(errors="replace"), folder)
            except Silent as silent:
                return self._from_before(folder, path, silent)
            if not path.is_file() or sum_of(path) != wanted:
                self._fetch(f"{folder}/{name}", path, wanted)
            verified.keep(path, folder, wanted)
            return Fetched(path, wanted)

    def _from_before(self, folder: str, path: Path, silent: Silent) -> Fetched:
        """Return the file whose sum was that of the same list when that could be read; raise what keeps it from being read now."""
        known = verified.kept(path, folder)
        if known is None or not path.is_file() or sum_of(path) != known.sha256:
            raise silent
        why = f"{folder} does not answer this machine ({silent.saw})"
        note = f"{why}: {path.name} comes from the cache here; its checksum was that of {SUMS} there on {known.when}"
        return Fetched(path, known.sha256, note)

    def _fetch(self, url: str, path: Path, wanted: str) -> None:
        """Put the file in its place when all of it is there and its sum is right."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, half = tempfile.mkstemp(dir=self._folder, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in _bytes(url, BIGGEST):
                    file.write(chunk)
            found = sum_of(Path(half))
            if found != wanted:
                saw = f"{found} is that of what came\n{wanted} is what {SUMS} says"
                raise Refused(f"{url} has the wrong checksum", saw=saw, next=SOURCE)
            Path(half).replace(path)
        finally:
            Path(half).unlink(missing_ok=True)


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sum_of(name: str, sums: str, folder: str) -> str:
    found = {match[2]: match[1] for line in sums.splitlines() if (match := LINE.fullmatch(line.strip()))}
    if name not in found:
        raise Refused(f"there is no {name} at {folder}", saw=f"{SUMS} names {len(found)} other files", next="--version")
    return found[name]


def _bytes(url: str, most: int) -> Iterator[bytes]:
    deadline, size = time.monotonic() + WHOLE, 0
    with _answer(url) as answer:
        for chunk in answer.iter_content(CHUNK):
            size += len(chunk)
            if size > most or time.monotonic() > deadline:
                raise Refused(f"{url} is too big, or comes too slowly", saw=f"{size} bytes came")
            yield chunk


@contextmanager
def _answer(url: str) -> Iterator[requests.Response]:
    import requests

    try:
        with requests.get(url, stream=True, timeout=(CONNECT, SILENCE), headers=AS_IT_IS) as answer:
            _expect_good(url, answer)
            yield answer
    except requests.RequestException as error:
        kind = Silent if _is_silence(error) else Refused
        raise kind(f"{url} cannot be fetched from this machine", saw=_reason(error), next=SOURCE) from None


def _is_silence(error: requests.RequestException) -> bool:
    """Return whether nobody answered; a bad certificate, or a no, is an answer."""
    import requests

    if isinstance(error, requests.HTTPError):
        return error.response.status_code >= NO_ANSWER
    broken = requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError
    return isinstance(error, broken) and not isinstance(error, requests.exceptions.SSLError)


def _reason(error: requests.RequestException) -> str:
    """Return in a few words what lies at the bottom of it."""
    import requests

    if isinstance(error, requests.HTTPError):
        return f"the server says {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {CONNECT if isinstance(error, requests.ConnectTimeout) else SILENCE:g} s"
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {cause.verify_message}"
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause)


def _expect_good(url: str, answer: requests.Response) -> None:
    if url.startswith("https:") and any(not one.url.startswith("https:") for one in (answer, *answer.history)):
        raise Refused(f"{url} leads away from https", saw=answer.url)
    if answer.status_code == NOT_FOUND:
        raise Refused(f"there is no {url}", saw="the server says 404", next="is it a version that was released?")
    answer.raise_for_status()
