"""Private keys as a hunt looks for them: whoever has a line of one has most of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab

PEM = re.compile(r"^# (\S+)\n-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)\n-----END", re.DOTALL | re.MULTILINE)
FULL = 64           # characters of a line that is not the last one
LONG = 8            # lines
SHOW = """
for each; do echo "# $each"; cat -- "$each"; done
"""


def keys_in(lab: Lab, host: str, folder: str) -> dict[str, str]:
    """Return the text of every private key below the folder on the host, by its path; the shell makes a path of the folder."""
    return dict(PEM.findall(script(lab.container(host), f'find "{folder}" -name "*.key" -exec bash -c \'{SHOW}\' keys {{}} +')))


def parts(keys: Mapping[str, str], when: str) -> dict[str, str]:
    """Given keys by their paths, return what must not be found of each, by name: its text as one string, and its full lines.

    A long one (RSA) begins with what its certificate tells, too, so that of its lines only the second half is secret.
    """
    found = {}
    for path, text in keys.items():
        full = [line for line in text.splitlines() if len(line) >= FULL]
        secret = full[len(full) // 2 :] if len(full) > LONG else full
        found[f"{path} {when}"] = "".join(text.split())
        found |= {f"{path} {when}, line {number}": line for number, line in enumerate(secret)}
    return found
