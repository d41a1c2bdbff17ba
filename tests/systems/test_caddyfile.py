from __future__ import annotations

import pytest

from opsbook.systems.caddyfile import logins, resolved, with_hashes

WHOLE = """# basicauth in a comment { admin x }
{
\temail {$MAIL}
}
(protected) {
\tbasicauth {
\t\tadmin {$CADDY_ADMIN_HASH}
\t}
}
one.example, two.example {
\timport protected
\theader X "basic_auth {"
}
three.example {
\tbasic_auth /admin/* bcrypt "the realm" {
\t\t# who
\t\tadmin "$2a$14$first"   # a comment
\t\t{$SECOND:bob} $2a$14$second salt
\t}
\trespond `basicauth {
\t\tnobody $2a$none
\t}`
}
four.example {
\tbasic_auth {
\t\tadmin {env.OTHER}
\t\tempty
\t}
}
"""


def test_the_logins_are_found_whichever_word_and_place_they_have() -> None:
    found = [(login.word, login.user.text, login.hash.text, login.variable) for login in logins(WHOLE)]
    assert found == [
        ("basicauth", "admin", "{$CADDY_ADMIN_HASH}", "CADDY_ADMIN_HASH"),
        ("basic_auth", "admin", "$2a$14$first", None),
        ("basic_auth", "{$SECOND:bob}", "$2a$14$second", None),
        ("basic_auth", "admin", "{env.OTHER}", "OTHER"),
    ]


def test_a_login_knows_its_line() -> None:
    assert [WHOLE.splitlines()[login.hash.line - 1].split()[0] for login in logins(WHOLE)] == ["admin", "admin", "{$SECOND:bob}", "admin"]


def test_a_variable_is_filled_in_as_caddy_does() -> None:
    users = [resolved(login.user, {}) for login in logins(WHOLE)]
    assert users == ["admin", "admin", "bob", "admin"]
    assert resolved(logins(WHOLE)[0].hash, {"CADDY_ADMIN_HASH": "$2a$14$x"}) == "$2a$14$x"
    assert resolved(logins(WHOLE)[0].hash, {}) == ""


def test_a_new_hash_changes_its_own_place_and_not_a_byte_more() -> None:
    changed = with_hashes(WHOLE, {1: "$2a$14$new"})
    assert changed == WHOLE.replace('"$2a$14$first"', '"$2a$14$new"')
    assert with_hashes(changed, {1: "$2a$14$first"}) == WHOLE
    assert with_hashes(WHOLE, {}) == WHOLE
    assert with_hashes(WHOLE, {1: "x", 2: "y"}) == WHOLE.replace("$2a$14$first", "x").replace("$2a$14$second", "y")


@pytest.mark.parametrize("text", ["", "\n", "one.example\n", "basicauth\n", "x {\n\tbasicauth {\n", 'x "unclosed\n', "basicauth {\n}\n"])
def test_a_file_without_logins_has_none(text: str) -> None:
    assert logins(text) == ()


def test_lines_that_go_on_and_windows_line_ends_do_no_harm() -> None:
    text = "a {\r\n\tbasicauth \\\r\n\t\tbcrypt {\r\n\t\tadmin \\\r\n\t\t\t$2a$14$x\r\n\t}\r\n}\r\n"
    assert [(login.user.text, login.hash.text) for login in logins(text)] == [("admin", "$2a$14$x")]
