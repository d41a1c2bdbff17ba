"""A server with UFW whose programs answer as the real ones do, as far as runbooks on the firewall ask them.

It heals itself like a real one: when the fake clock has passed the time, or when it is asked.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace

from opsbook.errors import Unreachable
from opsbook.host import Host, Result
from opsbook.inventory import HostEntry
from opsbook.privileged import CONFIRM, FIREWALL, LOOK
from opsbook.shell import Command
from tests.fake import FakeClock, FakeGuard, FakeTransport, a_run

MOST = 40       # lines of a request
TOKEN = "9fed3476839fc6f4d137a8f6c6e2e805"
FILTER6 = "*filter\n:INPUT DROP [0:0]\n-A INPUT -j ufw6-before-input\nCOMMIT\n"
SSHD = "port 22\nlistenaddress 0.0.0.0:22\n"
SOCKETS = "Listen=[::]:22 (Stream)\nId=ssh.socket\nLoadState=loaded\nActiveState=inactive\n"


ON, OFF = "Status: active\nDefault: deny (incoming), allow (outgoing)\n", "Status: inactive\n"


def told_by_look(status: str, rules: str = "") -> Result:
    """Return what opsbook-look tells of UFW: its status, and its files of rules."""
    return Result(0, "".join(f"0 {base64.b64encode(one.encode()).decode()}\n" for one in (status, rules)))


@dataclass(frozen=True)
class Settings:
    """What the host saves and puts back; rules as UFW keeps them."""

    rules: tuple[str, ...] = ("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in",)
    active: bool = True
    incoming: str = "deny"
    published: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    before: tuple[bool, str] | None = None


@dataclass
class FakeServer:
    """The machine; every login on it is a transport of its own."""

    clock: FakeClock = field(default_factory=FakeClock)
    now: Settings = field(default_factory=Settings)
    saved: Settings | None = None
    until: float = 0
    last: str = ""
    heals: bool = True
    shut_by: str = "deny tcp 22"    # a rule that begins so shuts new logins out
    sshd: str = SSHD
    filter6: str = FILTER6
    requests: list[str] = field(default_factory=list)

    @property
    def shut(self) -> bool:
        self.heal_in_time()
        return any(rule.startswith(self.shut_by) for rule in self.now.rules)

    def heal_in_time(self) -> None:
        if self.saved is not None and self.heals and self.clock() >= self.until:
            self.heal()

    def heal(self) -> None:
        assert self.saved is not None
        self.now, self.saved, self.last = self.saved, None, f"{TOKEN} healed"

    def confirm(self, request: str, *, new: bool) -> Result:
        self.heal_in_time()
        match request.split():
            case ["arm", "firewall", seconds] if self.saved is None:
                self.saved, self.until = self.now, self.clock() + int(seconds)
            case ["restore", token] if self.saved is not None and token == TOKEN:
                self.heal()
            case ["disarm", token] if self.saved is not None and token == TOKEN and new:
                self.saved, self.last = None, f"{TOKEN} confirmed"
            case ["status"]:
                pass
            case _:
                return Result(65, "", f"opsbook-confirm: refused: {request}")
        armed = f"firewall armed {TOKEN} {round(self.until - self.clock())}\n" if self.saved else "firewall idle\n"
        return Result(0, f"{armed}{f'firewall last {self.last}' if self.last else ''}\nsshd idle\n".replace("\n\n", "\n"))

    def look(self, request: str) -> Result:
        self.heal_in_time()
        state = f"Status: active\nDefault: {self.now.incoming} (incoming), allow (outgoing)\n" if self.now.active else "Status: inactive\n"
        rules = "".join(f"### tuple ### {rule}\n" for rule in self.now.rules)
        chain = "".join(
            f"-A OPSBOOK-DOCKER -s {source}/32 -p tcp -m conntrack --ctstate DNAT --ctorigdstport {port} --ctdir ORIGINAL -j RETURN\n"
            for port, source in map(str.split, self.now.published)
        )
        known = {"ufw": state, "rule-files": rules, "sshd": self.sshd, "sockets": SOCKETS}
        known["filter6"] = self.filter6
        known["docker-user"] = f"-A DOCKER-USER -j OPSBOOK-DOCKER\n{chain}"
        return Result(0, "".join(f"0 {base64.b64encode(known[one].encode()).decode()}\n" for one in request.splitlines()))

    def firewall(self, request: str) -> Result:
        self.heal_in_time()
        if self.saved is None:
            return Result(65, "", "opsbook-firewall: the firewall is not armed")
        if len(request.splitlines()) > MOST:
            return Result(64, "", "opsbook-firewall: too much is wanted at once")
        for line in request.splitlines():
            self.requests.append(line)
            try:
                self.now = changed(self.now, line)
            except IndexError:
                return Result(1, "", "ERROR: Invalid position")
        return Result(0)


def changed(now: Settings, line: str) -> Settings:
    match line.split():
        case ["allow", port, source, why]:
            rule, comment = f"allow tcp {port} 0.0.0.0/0 any {source} in", f"opsbook:{why}".encode().hex()
            return replace(now, rules=(f"{rule} comment={comment}", *(one for one in now.rules if not one.startswith(rule))))
        case ["allow", port, source, why, number]:
            first, *others = changed(now, f"allow {port} {source} {why}").rules
            if counted(others) < int(number) <= len(others):
                raise IndexError(number)
            return replace(now, rules=(*others[: int(number) - 1], first, *others[int(number) - 1 :]))
        case ["withdraw", port, source]:
            return replace(now, rules=tuple(one for one in now.rules if f" {port} 0.0.0.0/0 any {source} in comment=" not in one))
        case ["ssh", port]:
            return replace(now, rules=(f"allow tcp {port} 0.0.0.0/0 any 0.0.0.0/0 in comment={b'opsbook:ssh'.hex()}", *now.rules))
        case ["unssh", port]:
            return changed(now, f"withdraw {port} 0.0.0.0/0")
        case ["enable", _, _]:
            return replace(now, active=True, incoming="deny", before=(now.active, now.incoming))
        case ["back"] if now.before is not None:
            return replace(now, active=now.before[0], incoming=now.before[1], before=None)
    return changed_before_docker(now, line)


def counted(rules: list[str]) -> int:
    """Return how many UFW takes them for: an application's are one."""
    return len({rule.partition(" Samba ")[1] or rule for rule in rules})


def changed_before_docker(now: Settings, line: str) -> Settings:
    match line.split():
        case ["publish", port, source]:
            return replace(now, published=(*now.published, f"{port} {source}"))
        case ["unpublish", port, source]:
            return replace(now, published=tuple(one for one in now.published if one != f"{port} {source}"))
        case ["bar", port]:
            return replace(now, barred=(*now.barred, port))
        case ["unbar", port]:
            return replace(now, barred=tuple(one for one in now.barred if one != port))
    raise AssertionError(f"the program knows no such request: {line}")


class Login(FakeTransport):
    """One SSH connection to the server; a new one is refused while the server is shut."""

    def __init__(self, server: FakeServer, *, new: bool = False) -> None:
        super().__init__()
        self.server, self.new = server, new

    def run(self, command: Command, stdin: str | None, within: float) -> Result:
        if self.new and self.server.shut:
            raise Unreachable("the host does not answer", saw="timed out")
        programs = {
            CONFIRM.run.line(): lambda: self.server.confirm(stdin or "", new=self.new),
            LOOK.run.line(): lambda: self.server.look(stdin or ""),
            FIREWALL.run.line(): lambda: self.server.firewall(stdin or ""),
        }
        program = programs.get(command.line())
        return program() if program else super().run(command, stdin, within)


def logged_in(server: FakeServer, entry: HostEntry, *, plan: bool = False) -> tuple[Host, Login]:
    """Return a host on that server, and its first login, to be taught whatever else is asked."""
    first = Login(server)

    def anew(host: Host) -> Host:
        again = Login(server, new=True)
        again._answers, again._effects = first._answers, first._effects
        return replace(host, transport=again, _remembered={})

    run, told = a_run(plan=plan), list[object]()
    host = Host(entry, first, run, told.append, FakeGuard(), connect_anew=anew, clock=server.clock, pause=server.clock.pause)
    return host, first
