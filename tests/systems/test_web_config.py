from __future__ import annotations

import pytest

from opsbook.errors import CommandFailed
from opsbook.systems.web_config import config_path, parse_web_config, with_hash

HASH, NEW = "$2y$10$" + "a" * 53, "$2a$10$" + "B" * 53
TEXT = f"""\
# who may come in
tls_server_config:
  cert_file: certs/a.crt   # beside this file
  key_file: /etc/certs/a.key
  min_version: TLS12
basic_auth_users:
  guest: {HASH.replace("a", "g")}
  admin: {HASH}    # changed every quarter
http_server_config: {{http2: true}}
"""


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["/bin/x", "--web.config.file=/a/web.yml"], "/a/web.yml"),
        (["--web.config.file", "/a/web.yml", "--other"], "/a/web.yml"),
        (["-web.config.file=/first", "--web.config.file=/last"], "/last"),
        (["--web.config.file="], None),
        (["--config.file=/a"], None),
    ],
)
def test_the_path_comes_from_the_command_line(words: list[str], path: str | None) -> None:
    assert config_path(words) == path


def test_what_it_says_is_read_and_relative_paths_begin_beside_it() -> None:
    found = parse_web_config(TEXT, "/etc/prometheus/web.yml")
    assert (found.cert, found.key) == ("/etc/prometheus/certs/a.crt", "/etc/certs/a.key")
    assert found.users["admin"] == HASH
    assert HASH not in repr(found)
    assert parse_web_config("", "/web.yml").users == {}


@pytest.mark.parametrize("text", ["- a list", "basic_auth_users: [a]", "tls_server_config: yes", "a: [", "just words"])
def test_what_is_no_web_configuration_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match=r"web\.yml"):
        parse_web_config(text, "/web.yml")


@pytest.mark.parametrize(
    "line", ["  admin: {}", "  admin: '{}'", '  admin: "{}"', "  'admin': {}", "  ? admin\n  : {}", "  admin:\n    {}"]
)
def test_only_the_hash_changes_however_it_is_written(line: str) -> None:
    text = TEXT.replace(f"  admin: {HASH}", line.format(HASH))
    assert with_hash(text, "/web.yml", "admin", NEW) == text.replace(HASH, NEW)


def test_line_ends_and_letters_of_other_tongues_are_left_alone() -> None:
    text = TEXT.replace("who may come in", "wer darf herein, größer, 谁").replace("\n", "\r\n")
    assert with_hash(text, "/web.yml", "admin", NEW) == text.replace(HASH, NEW)


@pytest.mark.parametrize(
    "text",
    [
        f"basic_auth_users:\n  admin: &one {HASH}\n  bob: *one\n",
        f"basic_auth_users:\n  bob: &one {HASH}\n  admin: *one\n",
        f"basic_auth_users:\n  admin: |-\n    {HASH}\n",
        f"basic_auth_users:\n  bob: {HASH}\n",
        f"x: &x\n  admin: {HASH}\nbasic_auth_users:\n  <<: *x\n",
    ],
)
def test_where_one_place_cannot_be_changed_alone_nothing_is(text: str) -> None:
    with pytest.raises(CommandFailed, match=r"/web\.yml"):
        with_hash(text, "/web.yml", "admin", NEW)
