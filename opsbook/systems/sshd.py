"""sshd: what it is told, and which file tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from opsbook.host import Read, Result, Write
from opsbook.shell import prefixed, script

FILE = "/etc/ssh/sshd_config.d/00-opsbook.conf"
CLOSED = {"PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no", "PermitRootLogin": "no"}
TEXT = "# Written by opsbook provision-host: keys only, and nobody as root. the first value counts, so files after this one cannot win.\n"
TEXT += "".join(f"{name} {value}\n" for name, value in CLOSED.items())
MAIN, FOLDER = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"
OLD_NAMES = {"challengeresponseauthentication": "kbdinteractiveauthentication"}
SAID = re.compile(r"(?P<file>[^:]+):(?P<number>\d+):\s*(?P<word>\w+)[\s=]+(?P<value>.*)")
FROM = 'set -- $SSH_CONNECTION; printf %s "$1"'

# Where systemd listens in sshd's place, a restart leaves no gap and reads the files anew; connections that stand are left alone.
APPLY = r"""
set -euo pipefail
sshd -t
unit=ssh.service
[ "$(systemctl show --property=LoadState --value -- "$unit")" = loaded ] || unit=sshd.service
if systemctl is-active --quiet ssh.socket; then systemctl try-restart -- "$unit"; else systemctl try-reload-or-restart -- "$unit"; fi
"""


@dataclass(frozen=True)
class Said:
    """A line of sshd's files."""

    file: str
    number: int
    word: str       # in lower case
    value: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.word} {self.value}"


def client() -> Read[str]:
    """The address from which we have logged in."""
    return Read(script(FROM), _address)


def apply(rights: Iterable[str]) -> Write:
    """Have sshd judge its files, and take them; logins that stand are left alone."""
    order = replace(prefixed(script(APPLY), *rights), shown="sshd -t && systemctl reload ssh")
    return Write(order, "let sshd read its settings anew")


def open_ways(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Given sshd's settings, return those that leave a way in besides keys, or let root in."""
    told = {name: settings.get(name.lower(), "(not told)") for name in CLOSED}
    return tuple(f"{name} {value}" for name, value in told.items() if value != CLOSED[name])


def parse_settings(text: str) -> dict[str, str]:
    """Given the output of `sshd -T`, return the settings; of those that come several times, the first."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, value)
    return found


def obstacles(text: str) -> tuple[str, ...]:
    """Given `file:number:line` of sshd's files, return the lines that would win over ours: an earlier one, or one in a Match block."""
    lines = [Said(m["file"], int(m["number"]), m["word"].lower(), m["value"].strip()) for m in map(SAID.match, text.splitlines()) if m]
    if not any(one.file == MAIN and one.word == "include" and FOLDER in one.value for one in lines):
        return (f"{MAIN} does not include {FOLDER}/*.conf, so nothing in that folder counts",)
    return tuple(map(str, _winning(lines)))


def _winning(lines: list[Said]) -> Iterator[Said]:
    """Yield them; sshd reads the main file, and at its Include the folder's files by name."""
    main = [one for one in lines if one.file == MAIN]
    included = next(at for at, one in enumerate(main) if one.word == "include" and FOLDER in one.value)
    files = sorted({one.file for one in lines} - {MAIN})
    yield from _against(main[:included], earlier=True)
    for file in files:
        yield from _against([one for one in lines if one.file == file], earlier=file < FILE)
    inside = any(one.word == "match" for one in main[:included])
    yield from _against(main[included + 1 :], earlier=False, inside=inside)


def _against(lines: list[Said], *, earlier: bool, inside: bool = False) -> Iterator[Said]:
    closed = {name.lower(): value for name, value in CLOSED.items()}
    for one in lines:
        inside = inside or one.word == "match"
        wanted = closed.get(OLD_NAMES.get(one.word, one.word))
        if wanted is not None and one.value.lower().strip('"') != wanted and (earlier or inside):
            yield one


def _address(result: Result) -> str:
    if not re.fullmatch(r"[0-9A-Fa-f:.]+", result.out):
        raise ValueError("no address of ours")
    return result.out
