from __future__ import annotations

from opsbook.host import Result
from opsbook.systems.sudo import Grant, allows, parse_grants

LISTED = """Matching Defaults entries for claude-admin on vps-i1:
    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin, use_pty

User claude-admin may run the following commands on vps-i1:
    (root) NOPASSWD: /usr/sbin/ufw status verbose, /usr/bin/systemctl restart docker.service
    (root) NOPASSWD: /usr/bin/tee, PASSWD: /usr/bin/cat /a\\,b
    (ALL : ALL) ALL
    (backup) NOPASSWD: SETENV: /usr/bin/rsync
"""
GRANTS = parse_grants(Result(0, LISTED))


def test_grants_are_read_with_whom_and_whether_a_password_is_asked_for() -> None:
    assert (
        Grant("root", "/usr/sbin/ufw status verbose", password=False),
        Grant("root", "/usr/bin/systemctl restart docker.service", password=False),
        Grant("root", "/usr/bin/tee", password=False),
        Grant("root", "/usr/bin/cat /a\\,b", password=True),
        Grant("ALL : ALL", "ALL", password=True),
        Grant("backup", "/usr/bin/rsync", password=False),
    ) == GRANTS


def test_nothing_listed_is_nothing_granted() -> None:
    assert parse_grants(Result(0, "User x is not allowed to run sudo on y.")) == ()


def test_in_another_language_than_we_asked_for_nothing_is_granted() -> None:
    german = LISTED.replace("may run the following commands on vps-i1:", "darf die folgenden Befehle auf vps-i1 ausführen:")
    assert german != LISTED
    assert parse_grants(Result(0, german)) == ()


def test_only_what_needs_no_password_and_has_the_very_arguments_is_allowed() -> None:
    assert allows(GRANTS, "ufw status verbose")
    assert allows(GRANTS, "tee /etc/anything")
    assert not allows(GRANTS, "ufw status")
    assert not allows(GRANTS, "ufw status verbose extra")
    assert not allows(GRANTS, "cat /a\\,b")
    assert not allows(GRANTS, "rsync x")
    assert not allows(GRANTS, "id")
    assert allows((Grant("ALL : ALL", "ALL", password=False),), "id")


def test_a_command_that_goes_without_arguments_is_allowed_without_any() -> None:
    listed = 'User a may run the following commands on b:\n    (root) NOPASSWD: /usr/local/sbin/opsbook-look ""\n'
    granted = parse_grants(Result(0, listed))
    assert allows(granted, "opsbook-look")
    assert not allows(granted, "opsbook-look x")
    assert not granted[0].is_root


def test_free_arguments_of_a_program_that_writes_or_starts_anything_are_root() -> None:
    def is_root(command: str, *, password: bool = False) -> bool:
        return Grant("root", command, password).is_root

    assert all(map(is_root, ("ALL", "/usr/bin/tee", "/usr/bin/systemctl", "/usr/bin/systemctl restart *", "/bin/vi")))
    assert not any(map(is_root, ("/usr/bin/systemctl restart docker.service", "/usr/sbin/ufw", "/usr/bin/dmesg *")))
    assert not is_root("ALL", password=True)
