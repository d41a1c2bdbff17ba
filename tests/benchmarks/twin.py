"""Shell scripts that make recorded calls, and as little else as shell scripts do."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from tests.benchmarks.recording import Call, Ran


def in_one_shell(calls: Iterable[Call]) -> str:
    """Return a script for the host: every call one after the other in one shell, so no way back and forth between them."""
    return "\n".join(["set -e -o pipefail", *map(_checked, calls)]) + "\n"


def one_by_one(calls: Iterable[Call], ssh: Sequence[str], address: str) -> str:
    """Return a script for the operator's machine: one connection that is shared, a call of `ssh` for each call."""
    way = shlex.join(["ssh", *ssh, "-S", "$folder/socket", address]).replace("'$folder/socket'", '"$folder/socket"')
    opening = f"{way.replace('ssh ', 'ssh -f -N -M ', 1)} </dev/null >/dev/null 2>&1"
    asked = (f"{way} {shlex.quote(_checked(call))} </dev/null" for call in calls)
    closing = f"{way.replace('ssh ', 'ssh -O exit ', 1)} 2>/dev/null"
    return "\n".join(["set -e", "folder=$(mktemp -d)", opening, *asked, closing, 'rm -r "$folder"']) + "\n"


def _checked(call: Call) -> str:
    """Return the call as a line that fails when its exit code is another than in the recorded run."""
    if not isinstance(call, Ran):
        headers = (word for header in call.headers for word in ("--header", header))
        return shlex.join(["curl", "--disable", "--silent", "--show-error", "--fail", "--globoff", *headers, call.url])
    heard = f"printf %s {shlex.quote(call.stdin)} | {{ {call.line}; }}" if call.stdin else f"{{ {call.line}; }} </dev/null"
    return heard if call.code == 0 else f"code=0; {heard} || code=$?; [ $code = {call.code} ]"
