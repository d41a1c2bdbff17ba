"""Secrets put where they do not belong, and every place where a run of opsbook could then show them."""

from __future__ import annotations

import base64
import json
import re
import shlex
import sqlite3
import subprocess
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opsbook.lab import gitserver
from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from tests.lab.process import Ran, opsbook
from tests.lab.reach import VPS, on_vps

ENV = "/opt/p24-infra/monitoring/.env"
NASTY = 'he said "x/<y>&+z\\w" twice'    # differs in every quoting
SECRET_KEYS = re.compile(r"^(\w*(?:PASSWORD|SECRET|KEY|HASH)\w*)='?(.*?)'?$", re.MULTILINE)
WATCH = """
rm -f /tmp/seen.stop; touch /tmp/seen.on
until [ -e /tmp/seen.stop ]; do cat /proc/[0-9]*/cmdline; sleep 0.03; done 2>/dev/null
"""
BUG = '''"""A runbook with a bug.

When   never.
Risk   reads: nothing.
Undo   not needed.
"""
from dataclasses import dataclass

from opsbook.host import Host
from opsbook.systems.dotenv import env_file

ON = "stack"


@dataclass(frozen=True)
class Params:
    """None."""


def answer(host: Host, p: Params) -> None:
    """Stumble over what it has read."""
    values = host.read(env_file(f"{host.stack.directory}/.env")) or {}
    raise RuntimeError(f"a bug with {values!r}")


ANSWER = answer
'''


@dataclass
class AtLarge:
    """The lab's secrets, and what every run has left where."""

    lab: Lab
    folder: Path
    secrets: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)      # by the words that were typed
    codes: dict[str, int] = field(default_factory=dict)
    arguments: str = ""                                     # of every process on the host, as `ps` would have shown them

    def run(self, *words: str) -> Ran:
        """Run opsbook with a state folder of its own."""
        ran = opsbook("--inventory", str(self.folder / "inventory.yaml"), *words, env={"XDG_STATE_HOME": str(self.folder / "state")})
        label = " ".join(words)
        self.said[label], self.codes[label] = ran.text, ran.code
        return ran

    def journal(self) -> str:
        """Everything in the journal, as its tables have it."""
        with sqlite3.connect(self.folder / "state/opsbook/journal.db") as file:
            return "\n".join(str(row) for table in ("runs", "events") for row in file.execute(f"SELECT * FROM {table}"))  # noqa: S608

    def files(self) -> dict[str, str]:
        """Every file that opsbook has written on the operator's side."""
        written = (path for path in (self.folder / "state").rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes().decode(errors="replace") for path in written}

    def shows(self, text: str) -> set[str]:
        """Return the names of the secrets that can be read in the text, in whatever form."""
        return {name for name, value in self.secrets.items() if any(form in text for form in ways_to_write(value))}


def ways_to_write(value: str) -> Iterator[str]:
    """Yield the secret as programs write it; deliberately not what opsbook itself looks for."""
    yield value
    yield shlex.quote(value).strip("'")
    yield urllib.parse.quote(value, safe="")
    yield urllib.parse.quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(json.dumps(value))[3:-3]
    yield repr(value)[1:-1]
    for before in ("", "a", "ab"):
        yield base64.b64encode(f"{before}{value}".encode()).decode()[4:-4]


def secrets_of(lab: Lab) -> dict[str, str]:
    """Give the host one more secret, and return all of them."""
    script(lab.container(VPS), f"printf '%s\\n' \"NASTY_PASSWORD='$1'\" >> {ENV}", NASTY)
    return {name: value for name, value in SECRET_KEYS.findall(on_vps(lab, f"cat {ENV}")) if len(value) >= 8}


def spill(lab: Lab, service: str, text: str) -> None:
    """Let the service's container log the text."""
    into = 'docker exec --interactive "monitoring-$1-1" sh -c "cat > /proc/1/fd/1"'
    script(lab.container(VPS), f'printf "%s\\n" "$2" | {into}', service, text)


def publish(lab: Lab, secret: str, nasty: str, named: str) -> None:
    """Commit a good rule with secrets in its name, labels and annotations, in the file's name and in the message."""
    quoted = nasty.replace("'", "''")
    rule = (
        "groups:\n- name: spilled\n  rules:\n  - alert: Spilled\n    expr: up == 0\n"
        f"    labels: {{team: '{secret}'}}\n    annotations: {{summary: 'it is {secret}', more: '{quoted}'}}\n"
    )
    gitserver.commit(lab, {f"monitoring/prometheus/rules/{named}.yml": rule}, f"rotate {secret}\n\nand {nasty}")


def publish_bad(lab: Lab, secret: str, nasty: str) -> None:
    """Commit a rule that promtool refuses, quoting the secret in its complaint."""
    rule = f"groups:\n- name: bad\n  rules:\n  - alert: Bad\n    expr: up == 0\n    for: '{secret}'\n    annotations: {{x: '{nasty}'}}\n"
    gitserver.commit(lab, {"monitoring/prometheus/rules/bad.yml": rule}, "a bad rule")


@contextmanager
def watching(found: AtLarge) -> Iterator[None]:
    """Keep the arguments of every process on the host until the block ends."""
    words = ["docker", "exec", found.lab.container(VPS), "bash", "-c", WATCH]
    seen = found.folder / "arguments"
    with seen.open("wb") as sink, subprocess.Popen(words, stdout=sink) as watcher:
        try:
            yield
        finally:
            script(found.lab.container(VPS), "touch /tmp/seen.stop")
            watcher.wait(timeout=30)
            script(found.lab.container(VPS), "rm -f /tmp/seen.stop /tmp/seen.on")
    found.arguments = seen.read_bytes().replace(b"\0", b" ").decode(errors="replace")
