"""Who may log in, and how: by keys only, and nobody as root."""

from __future__ import annotations

from collections.abc import Iterator

from opsbook.findings.finding import Finding
from opsbook.moves.audit.facts import Facts, provision
from opsbook.systems.addresses import OUTSIDER
from opsbook.systems.sshd import parse_settings

GLOBAL, ROOT = "sshd", f"sshd root {OUTSIDER}"
PASSWORDS = {"passwordauthentication": "PasswordAuthentication", "kbdinteractiveauthentication": "KbdInteractiveAuthentication"}
BY_PASSWORD = frozenset({"password", "keyboard-interactive"})
WITH_A_KEY = frozenset({"prohibit-password", "without-password", "forced-commands-only"})


def keys_only(f: Facts) -> Iterator[Finding]:
    """Passwords at the door, by what sshd offers and by what it is told for everybody, for us, and for root."""
    offered = sorted(BY_PASSWORD & set(f.offered or ()))
    if offered:
        yield Finding("bad", "sshd lets people in by password", f"it offers {', '.join(f.offered or ())}", provision(f))
        return
    told = {asked: text for asked in _asked(f) if (text := f.told(asked)) is not None}
    wrong = [f"{name} yes, for {_whom(asked)}" for asked, text in told.items() for name in _passwords(text)]
    if wrong:
        yield Finding("bad", "sshd is told to let people in by password", "\n".join(dict.fromkeys(wrong)), provision(f))
    elif not {GLOBAL, ROOT} <= told.keys():
        yield f.unjudged("whether sshd takes keys only", "root", GLOBAL, ROOT)
    elif f.offered is None:
        yield f.unjudged("whether sshd takes keys only", "offered")
    else:
        yield Finding("ok", "sshd takes keys only", f"it offers {', '.join(f.offered)}")


def root_login(f: Facts) -> Iterator[Finding]:
    """A root who may log in."""
    told = f.told(ROOT)
    if told is None:
        yield f.unjudged("whether root may log in", "root", ROOT)
        return
    value = parse_settings(told).get("permitrootlogin", "(not told)")
    if value == "no":
        yield Finding("ok", "root may not log in")
    elif value in WITH_A_KEY:
        yield Finding("warn", "root may log in with a key", f"PermitRootLogin {value}", provision(f))
    else:
        yield Finding("bad", "root may log in", f"PermitRootLogin {value}", provision(f))


def _asked(f: Facts) -> tuple[str, ...]:
    return tuple(one for one in f.root or () if one == GLOBAL or one.startswith("sshd "))


def _whom(asked: str) -> str:
    return "everybody" if asked == GLOBAL else asked.split()[1]


def _passwords(text: str) -> tuple[str, ...]:
    """Return the settings that let somebody in by password; one that is not told counts as sshd's own default, which is yes."""
    found = parse_settings(text)
    return tuple(shown for name, shown in PASSWORDS.items() if found.get(name, "yes") != "no")
