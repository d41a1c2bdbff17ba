"""`grafana cli admin reset-admin-password`, with the real one's words and exit codes."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from .arguments import Flags, goflag
from .grafana_switch import Switch
from .grafana_users import SHORTEST, Refused, Users

GLOBAL = {"homepath": "", "config": "", "configOverrides": "", "pluginsDir": "", "repo": "", "pluginUrl": ""}
GLOBAL_SWITCHES = frozenset({"insecure", "debug"})
OWN, OWN_SWITCHES = {"user-id": "1"}, frozenset({"password-from-stdin"})
POLICY = "the new password doesn't meet the password policy criteria"


def cli(args: Sequence[str], data: Path) -> int:
    """Run a command of the command line; only the one that resets the password is there."""
    try:
        reset(goflag(after_command(goflag(args, GLOBAL, GLOBAL_SWITCHES)), OWN, OWN_SWITCHES), data)
    except (Refused, ValueError, sqlite3.Error) as error:
        print(f"\nError: ✗ {error}\n", file=sys.stderr)
        return 1
    return 0


def after_command(flags: Flags) -> Sequence[str]:
    """Return what follows the only command that is there."""
    if flags.words[:2] != ("admin", "reset-admin-password"):
        raise Refused(f"the stand-in knows `admin reset-admin-password` only, not `{' '.join(flags.words[:2])}`")
    return flags.words[2:]


def reset(flags: Flags, data: Path) -> None:
    """Write the new password into the database, beside the running server."""
    password = from_stdin() if flags.on("password-from-stdin") else (flags.words or ("",))[0]
    if len(password) < SHORTEST:
        raise Refused(POLICY)
    if Switch(data).pulled():
        raise Refused("failed to update user password: database is closed")
    users = Users(data / "grafana.db")
    user = users.by_id(int(flags.one("user-id")))
    if user is None:
        missing(users.admins())
    elif user.is_admin:  # of anybody else the real one says nothing, and ends with 0
        users.change(user, password)
        print("\nAdmin password changed successfully ✔")


def missing(admins: Sequence[tuple[str, int]]) -> None:
    """Say that there is no such user; the real one ends with 0 all the same."""
    print("\nAdmin user cannot be found ✘. \n")
    print("Please try to run the command again specifying a user-id (--user-id) from the list below:")
    for login, number in admins:
        print(f"\t Username: {login} ID: {number}")


def from_stdin() -> str:
    """Read one line."""
    print("New Password: ", end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise Refused("can't read password from stdin")
    return line.rstrip("\n").removesuffix("\r")
