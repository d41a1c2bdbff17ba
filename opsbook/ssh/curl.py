"""The same HTTP requests by `curl` on the host, for hosts whose sshd forwards no ports. All of it goes by standard input, not by `ps`."""

from __future__ import annotations

from opsbook.errors import CommandFailed
from opsbook.host import Result
from opsbook.shell import Command, cmd
from opsbook.web import Endpoint, Request

CURL = cmd("curl", "--disable", "--config", "-")
NO_CURL = 127
REFUSED = 7
TIMED_OUT = 28
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"})


def by_curl(endpoint: Endpoint, request: Request, within: float) -> tuple[Command, str]:
    """Return the command and its standard input."""
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    pairs = [
        ("url", f"{endpoint.scheme}://{address}:{endpoint.port}{endpoint.target(request)}"),
        ("request", request.method),
        ("noproxy", "*"),
        ("max-time", f"{within:g}"),
        ("write-out", "\n%{http_code} %{redirect_url}"),
        *(("header", f"{name}: {value}") for name, value in endpoint.headers().items()),
    ]
    if request.body is not None:
        pairs += [("header", f"Content-Type: {request.content_type}"), ("data-raw", request.body)]
    lines = [f'{name} = "{value.translate(ESCAPES)}"' for name, value in pairs]
    return CURL, "\n".join([*lines, "silent", "show-error", "globoff", "path-as-is", "insecure"]) + "\n"


def parse_curl(result: Result, request: Request) -> Result:
    """Given what curl printed, return status and body; raise ConnectionRefusedError, TimeoutError or CommandFailed."""
    if result.code == REFUSED:
        raise ConnectionRefusedError(result.err.strip())
    if result.code == TIMED_OUT:
        raise TimeoutError
    if result.code:
        raise CommandFailed(f"{request.service} gave no HTTP answer", saw=result.err.strip())
    body, _, last = result.out.rpartition("\n")
    status, _, redirect = last.partition(" ")
    return Result(int(status), body, f"it redirects to {redirect}" if redirect else "", result.seconds)
