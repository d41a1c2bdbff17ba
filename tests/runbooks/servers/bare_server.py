"""A server that is made up, as far as provisioning goes: users, root's files, sudo and sshd; it raises on what nobody foresaw."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from opsbook.errors import AuthenticationFailed, Unreachable
from opsbook.host import Door, Host, Result, Run
from opsbook.inventory import HostEntry
from opsbook.privileged import CONFIRM, FOLDER, LOOK, SUDOERS
from opsbook.shell import Command
from opsbook.systems import root_files, sshd, users
from opsbook.web import Endpoint, Request
from tests.fake import FakeClock, FakeGuard, Untaught, fake_host

NAME = "claude-admin"
SERVER = HostEntry("serverC", address="192.0.2.30", user=NAME, roles=("node",))
OPEN = {"passwordauthentication": "yes", "kbdinteractiveauthentication": "no", "permitrootlogin": "prohibit-password"}
CLOSED = {name.lower(): value for name, value in sshd.CLOSED.items()}
INCLUDE = f"{sshd.MAIN}:12:Include {sshd.FOLDER}/*.conf\n"


@dataclass
class File:
    """A file of root's."""

    text: str
    mode: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass
class Account:
    """A user that can be provisioned."""

    groups: list[str] = field(default_factory=lambda: [NAME])
    folder: str = f"700 {NAME} directory"
    keys: list[str] | None = None
    keys_about: str = f"600 {NAME} regular file"


@dataclass
class BareServer:
    """Its state, changed by the commands that the runbook sends."""

    login: str = "root"
    account: Account | None = None
    files: dict[str, File] = field(default_factory=dict)
    aside: dict[str, File | None] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    sudo: str = ""                      # rules for the user besides those of our file
    said: str = INCLUDE                 # what sshd's files say of logins
    runs: dict[str, str] = field(default_factory=lambda: dict(OPEN))    # what the sshd that runs has read
    armed: str = ""
    has_sudo: bool = True
    ended: str = ""
    opens: bool = True                  # a new login of the user gets in, once its key is there
    away: int = 0                       # so many logins find nobody, once sshd was told to read its files
    asked: list[str] = field(default_factory=list)

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        words = [word for word in command.words if isinstance(word, str)]
        self.asked.append(str(command))
        if words[:3] == ["timeout", "--preserve-status", "--kill-after=10"]:
            words = words[4:]
        if words[:2] == ["sudo", "-n"] and words[2:] != ["-l"] and words[2:4] != ["-l", "-U"]:
            if not self._may(words[2]):
                return Result(1, "", "sudo: a password is required")
            words = words[5:] if words[2] == "timeout" else words[2:]
        if words[:2] == ["bash", "-c"]:
            return self._script(words[2], words[4:], stdin or "")
        return self._command(words, stdin or "")

    def fetch(self, endpoint: Endpoint, request: Request, within: float) -> Result:
        raise Untaught(str(request))

    def send(self, local: object, path: str, within: float) -> None:
        raise Untaught(path)

    def follow(self, command: Command) -> Iterator[str]:
        raise Untaught(str(command))

    def close(self) -> None:
        """Nothing is open."""

    def door(self, entry: HostEntry) -> Door:
        methods = ("publickey", "password") if self.runs["passwordauthentication"] == "yes" else ("publickey",)
        return Door(methods, opens=entry.login != "root" or self.runs["permitrootlogin"] != "no")

    def told(self) -> dict[str, str]:
        """What sshd would read now."""
        return dict(CLOSED) if sshd.FILE in self.files else dict(OPEN)

    def _may(self, program: str) -> bool:
        by_rule = SUDOERS in self.files and f'{program} ""' in self.files[SUDOERS].text
        there = program in self.files or not program.startswith(FOLDER)
        return there and (by_rule or self.login in {"root", "debian"})

    def _command(self, words: list[str], stdin: str) -> Result:
        match words:
            case ["id", "--user", "--name"]:
                return Result(0, f"{self.login}\n")
            case ["id", "--name", "--groups"]:
                return Result(0, " ".join(self.account.groups if self.account else []))
            case ["true"]:
                return Result(0)
            case ["docker", "ps", "--quiet"]:
                return Result(0, "1\n2\n")
            case ["getent", "group", "--", group]:
                return Result(0 if group in self.groups else 2)
            case ["sudo", "-n", "-l", *_]:
                return Result(0, self._granted())
            case [LOOK.path]:
                return self._look(stdin)
            case [CONFIRM.path]:
                return self._confirm(stdin.split())
            case _:
                return self._change(words)

    def _change(self, words: list[str]) -> Result:
        if words[0] == "useradd":
            self.account = Account(folder="-")
        elif words[0] == "usermod" and self.account is not None:
            self.account.groups.append(words[2].partition("=")[2])
        elif words[0] == "gpasswd" and self.account is not None:
            self.account.groups.remove(words[2])
        else:
            raise Untaught(" ".join(words))
        return Result(0)

    def _script(self, text: str, values: list[str], stdin: str) -> Result:
        if text == LOOK.text:
            return self._look(stdin)
        if "/usr/sbin/visudo" in text:
            return Result(0 if self.has_sudo else 1)
        if text == sshd.FROM:
            return Result(0, "198.51.100.7")
        if text == sshd.APPLY:
            self.runs = self.told()
            return Result(0)
        if text in {root_files.PLACE, root_files.TAKE_BACK} or "sha256sum <" in text:
            return self._file(text, values, stdin)
        return self._user(text, values, stdin)

    def _file(self, text: str, values: list[str], stdin: str) -> Result:
        path = values[0]
        if text == root_files.PLACE:
            self.aside.setdefault(values[3], self.files.get(path))
            self.files[path] = File(stdin, int(values[1], 8))
        elif text == root_files.TAKE_BACK:
            before = self.aside.get(values[1])
            if before is None:
                self.files.pop(path, None)
            else:
                self.files[path] = before
        else:
            return Result(0, self.files[path].sha256 if path in self.files else "")
        return Result(0)

    def _user(self, text: str, values: list[str], stdin: str) -> Result:
        if text == users.LOOK:
            return self._told_user()
        if text == users.BELONGINGS:
            return Result(0)
        if text == users.REMOVE:
            self.account = None
            return Result(0)
        if self.account is None:
            raise Untaught("there is no user")
        if text == users.OWN_SSH:
            self.account.folder = f"700 {NAME} directory"
        elif text == users.WRITE_KEYS:
            self.account.keys, self.account.keys_about = stdin.splitlines(), f"600 {NAME} regular file"
        else:
            raise Untaught(text)
        return Result(0)

    def _told_user(self) -> Result:
        if self.account is None:
            return Result(44)
        keys = self.account.keys
        about = "-" if keys is None else self.account.keys_about
        listed = base64.b64encode("".join(f"{line}\n" for line in keys or ()).encode()).decode()
        places = f"755 {NAME} directory\n{self.account.folder}\n{about}"
        return Result(0, f"1000\n/home/{NAME}\n/bin/bash\n{' '.join(self.account.groups)}\n{places}\n{listed}\n")

    def _granted(self) -> str:
        text = self.files[SUDOERS].text if SUDOERS in self.files else ""
        ours = [word.rstrip(", \\") for line in text.splitlines() for word in line.split("NOPASSWD: ")[-1:] if FOLDER in word]
        rules = [*((f"(root) NOPASSWD: {rule}") for rule in ours), *([self.sudo] if self.sudo else [])]
        return f"User {NAME} may run the following commands on serverC:\n" + "".join(f"    {rule}\n" for rule in rules)

    def _look(self, stdin: str) -> Result:
        said = (f"0 {base64.b64encode(self._tell(line).encode()).decode()}\n" for line in stdin.splitlines())
        return Result(0, "".join(said))

    def _tell(self, wanted: str) -> str:
        if wanted in {"programs", "sudoers"}:
            folder = FOLDER if wanted == "programs" else "/etc/sudoers.d"
            there = {path: one for path, one in self.files.items() if path.startswith(folder)}
            return "".join(f"{one.mode:o} root root {one.sha256} {path}\n" for path, one in there.items())
        if wanted == "sshd-files":
            return self.said
        if wanted.startswith("sshd"):
            return "".join(f"{name} {value}\n" for name, value in self.told().items())
        raise Untaught(wanted)

    def _confirm(self, words: list[str]) -> Result:
        if words[0] == "arm":
            self.armed = "0123456789abcdef"
        elif words[0] == "disarm":
            self.armed, self.ended = "", f"{words[1]} confirmed"
        elif words[0] == "restore":
            self.files.pop(sshd.FILE, None)
            self.runs, self.armed, self.ended = self.told(), "", f"{words[1]} healed"
        waits = f"sshd armed {self.armed} 59" if self.armed else "sshd idle"
        return Result(0, f"firewall idle\n{waits}\n" + (f"sshd last {self.ended}\n" if self.ended else ""))


@dataclass
class NewLogin:
    """A further login of the user: it gets in where its key is let in."""

    server: BareServer

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        account = self.server.account
        if not self.server.opens or account is None or not account.keys or account.folder.split()[1] != NAME:
            raise AuthenticationFailed(f"serverC does not let {NAME} in with any of our keys")
        if self.server.away and self.server.runs != OPEN:
            self.server.away -= 1
            raise Unreachable("nothing listens on 192.0.2.30:22")
        before, self.server.login = self.server.login, NAME
        try:
            return self.server.run(command, stdin, within)
        finally:
            self.server.login = before

    fetch, send, follow, close = BareServer.fetch, BareServer.send, BareServer.follow, BareServer.close


def server(here: BareServer, guard: FakeGuard, run: Run, entry: HostEntry = SERVER) -> Host:
    """Return the host over it; its further logins and its door are made up, too."""
    made = fake_host(here, entry=entry, run=run, guard=guard)
    clock = FakeClock()
    return replace(
        made,
        connect_anew=lambda host: replace(host, transport=NewLogin(here), _remembered={}),  # type: ignore[arg-type]
        try_door=here.door,
        clock=clock,
        pause=clock.pause,
    )
