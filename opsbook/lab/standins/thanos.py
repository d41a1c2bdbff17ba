"""The stand-in for Thanos v0.36.1: `sidecar` and `query`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import thanos_query, thanos_sidecar
from .arguments import Flags, UsageError, kingpin
from .exposition import started
from .logfmt import Log
from .serving import Life

VERSION = "0.36.1"
COMMON = {
    "log.level": "info",
    "log.format": "logfmt",
    "http-address": "0.0.0.0:10902",
    "http-grace-period": "2m",
    "http.config": "",
    "grpc-address": "0.0.0.0:10901",
    "grpc-grace-period": "2m",
    "tracing.config": "",
    "tracing.config-file": "",
}


@dataclass(frozen=True)
class Subcommand:
    flags: Mapping[str, str]
    switches: frozenset[str]
    run: thanos_sidecar.Run


SUBCOMMANDS = {
    "sidecar": Subcommand(thanos_sidecar.FLAGS, thanos_sidecar.SWITCHES, thanos_sidecar.run),
    "query": Subcommand(thanos_query.FLAGS, thanos_query.SWITCHES, thanos_query.run),
}


def main() -> None:
    """Run the subcommand that the command line names."""
    args = sys.argv[1:]
    if args == ["--version"]:
        print(f"thanos, version {VERSION} (branch: stand-in, revision: opsbook-lab)")
        return
    name, flags = _parsed(args)
    log = Log("thanos")
    log.confess()
    sys.exit(_lived(name, SUBCOMMANDS[name].run, flags, log))


def _parsed(args: list[str]) -> tuple[str, Flags]:
    """Return the subcommand and its flags, or leave with kingpin's code 2."""
    try:
        flags = _flags(args)
        return args[0], flags
    except UsageError as error:
        print("usage: thanos [<flags>] <command> [<args> ...]\n", file=sys.stderr)
        print(f"error parsing commandline arguments: [{' '.join(args)}]: {error}", file=sys.stderr)
        sys.exit(2)


def _flags(args: list[str]) -> Flags:
    if not args or args[0] not in SUBCOMMANDS:
        raise UsageError(f'expected command but got "{args[0]}"' if args else "command not specified")
    wanted = SUBCOMMANDS[args[0]]
    flags = kingpin(args[1:], {**COMMON, **wanted.flags}, wanted.switches)
    if flags.words:
        raise UsageError(f"unexpected {flags.words[0]}")
    return flags


def _lived(name: str, run: Callable[..., None], flags: Flags, log: Log) -> int:
    """Serve until a signal or a failure ends it; return the exit code."""
    life = Life.begin()
    try:
        run(flags, log, life, started("thanos", VERSION))
    except (ValueError, OSError) as error:
        life.fail(str(error))
    life.over.wait()
    for reason in life.failures:
        log.line("error", "exiting", {"err": f"{name} command failed: {reason}"})
    if not life.failures:
        log.line("info", "caught signal. Exiting.")
    return 1 if life.failures else 0


if __name__ == "__main__":
    main()
