"""What Loki and Promtail have in common: one configuration file, checked at start, and Go's flags."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .arguments import Flags, UsageError, goflag
from .exposition import Metrics, started
from .logfmt import Log
from .serving import Life
from .settings import texts
from .yamlflow import Value, YamlError
from .yamlsubset import parse

VERSION = "3.4.5"
FLAGS = {"config.file": "", "log.level": "info", "log.format": "logfmt", "target": "all", "client.url": "", "server.http-listen-port": ""}
SWITCHES = frozenset({"config.expand-env", "print-config-stderr", "log-config-reverse-order", "version"})
Run = Callable[[Value, Log, Life, Metrics], None]


@dataclass(frozen=True)
class Program:
    name: str
    keys: frozenset[str]
    kind: str
    check: str
    fault: str

    def main(self, run: Run) -> None:
        """Check the command line and the configuration, then run until a signal or a failure."""
        try:
            flags = goflag(sys.argv[1:], FLAGS, SWITCHES | {self.check})
            if flags.on("version"):
                print(f"{self.name}, version {VERSION} (branch: stand-in, revision: opsbook-lab)")
                return
            config = self.configuration(flags)
        except (UsageError, YamlError, OSError) as error:
            print(f"{self.fault}: {error}", file=sys.stderr)
            sys.exit(1)
        log = Log(self.name)
        log.confess()
        if flags.on(self.check):
            log.line("info", "config is valid")
            return
        sys.exit(_lived(run, config, log, started(self.name, VERSION)))

    def configuration(self, flags: Flags) -> Value:
        """Return the configuration. A key that the real program does not know is an error, as there."""
        path = flags.one("config.file")
        text = Path(path).read_text(encoding="utf-8")
        config = parse(_expanded(text) if flags.on("config.expand-env") else text)
        for key in texts(config):
            if key not in self.keys:
                raise YamlError(f"{path}: yaml: unmarshal errors:\n  field {key} not found in type {self.kind}")
        return config


def _expanded(text: str) -> str:
    return re.sub(r"\$\{(\w+)(?::([^}]*))?\}", lambda match: os.environ.get(match[1], match[2] or ""), text)


def _lived(run: Run, config: Value, log: Log, metrics: Metrics) -> int:
    life = Life.begin()
    try:
        run(config, log, life, metrics)
    except (ValueError, OSError) as error:
        life.fail(str(error))
    life.over.wait()
    for reason in life.failures:
        log.line("error", "error running", {"err": reason})
    if not life.failures:
        log.line("info", "=== received SIGINT/SIGTERM ===")
    return 1 if life.failures else 0
