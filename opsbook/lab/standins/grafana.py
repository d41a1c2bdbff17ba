"""The stand-in for Grafana 12.0.2: its command line, and how its image starts it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .grafana_cli import cli
from .grafana_server import serve
from .grafana_users import Refused

VERSION = "12.0.2"
SERVER_FLAGS = frozenset({"homepath", "config", "packaging", "pidfile"})


def main() -> None:
    """Do what the name says under which we were started: `grafana`, `grafana-cli`, `grafana-server`, or the image's `run.sh`."""
    called, args = Path(sys.argv[0]).name, sys.argv[1:]
    if called == "run.sh":
        entry(args)
    words = {"grafana-cli": ["cli"], "grafana-server": ["server"]}.get(called, [])
    sys.exit(command([*words, *args]))


def command(args: Sequence[str]) -> int:
    """Run one of Grafana's commands; return the exit code."""
    match list(args):
        case ["server", *rest]:
            return serve(settings(rest, os.environ), VERSION)
        case ["cli", *rest]:
            return cli(rest, data_folder(os.environ))
        case ["--version" | "-v" | "version", *_]:
            print(f"grafana version {VERSION}")
            return 0
        case _:
            print("NAME:\n   grafana - Grafana server and command line interface\n\nCOMMANDS: cli, server")
            return 0


def entry(args: Sequence[str]) -> None:
    """Do what /run.sh does: put the contents of files into the environment, then become the server."""
    environ = dict(os.environ)
    try:
        from_files(environ)
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    if not os.access(data_folder(environ), os.W_OK):
        print(f"GF_PATHS_DATA='{data_folder(environ)}' is not writable.")
    program = str(Path(sys.argv[0]).resolve())
    home, config = environ.get("GF_PATHS_HOME", ""), environ.get("GF_PATHS_CONFIG", "")
    words = ("server", f"--homepath={home}", f"--config={config}", "--packaging=docker", *args, "cfg:default.log.mode=console")
    os.execve(program, ["grafana", *words], environ)  # noqa: S606 - as the script does


def from_files(environ: dict[str, str]) -> None:
    """Replace each GF_…__FILE by what its file holds. Raise Refused where the variable itself is set, too."""
    for key in [key for key in environ if key.startswith("GF_") and key.endswith("__FILE") and environ[key]]:
        name = key.removesuffix("__FILE")
        if environ.get(name):
            raise Refused(f"ERROR: Both {name} and {key} are set (but are exclusive)")
        print(f"Getting secret {name} from {environ[key]}", flush=True)
        environ[name] = Path(environ.pop(key)).read_text(encoding="utf-8").rstrip("\n")


def settings(args: Sequence[str], environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the settings as GF_SECTION_KEY; one that was said as `cfg:section.key=value` wins."""
    found = dict(environ)
    for arg in args:
        name, _, value = arg.removeprefix("cfg:").removeprefix("--").removeprefix("-").partition("=")
        if arg.startswith("cfg:"):
            found["GF_" + name.removeprefix("default.").replace(".", "_").upper()] = value
        elif name not in SERVER_FLAGS:
            print(f"flag provided but not defined: -{name}", file=sys.stderr)
            sys.exit(1)
    return found


def data_folder(environ: Mapping[str, str]) -> Path:
    """Return where the database is."""
    return Path(environ.get("GF_PATHS_DATA") or "/var/lib/grafana")


if __name__ == "__main__":
    main()
