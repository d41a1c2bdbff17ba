from __future__ import annotations

import base64
import json
import re
import shlex
import urllib.parse
from dataclasses import dataclass

import pytest

from opsbook.mask import Mask, env_secrets, key_lines

SECRET = 'p$ss "w/ö\\rd\'+ &9'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        shlex.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        SECRET.replace("$", "$$"),
    ],
)
def test_a_secret_is_hidden_in_every_form_it_may_be_written_in(written: str) -> None:
    shown = Mask([SECRET])(f"before {written} after")
    assert "***" in shown
    assert written.strip("'\"") not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_the_longest_secret_is_hidden_first() -> None:
    assert Mask(["password", "password-and-more"])("password-and-more") == "***"


def test_secrets_learned_later_are_hidden_from_then_on() -> None:
    mask = Mask()
    assert mask("hunter22") == "hunter22"
    mask.learn(["hunter22"])
    assert mask("hunter22") == "***"


def test_json_like_values_are_hidden_at_any_depth() -> None:
    assert Mask(["hunter22"]).deep({"a": ["x hunter22", {"hunter22": 1}], "n": 3}) == {"a": ["x ***", {"***": 1}], "n": 3}


def test_only_values_whose_key_speaks_of_a_secret_and_that_are_long_enough_are_hidden() -> None:
    env = {"GRAFANA_PASSWORD": "hunter22", "S3_SECRET_KEY": "abcdefgh", "PASSWORD": "short", "REGION": "eu-central-1", "SLACK_WEBHOOK": "https://x"}
    assert env_secrets(env) == ["hunter22", "abcdefgh", "https://x"]


@pytest.mark.parametrize(
    "written",
    [
        repr(SECRET),
        ascii(SECRET),
        SECRET.replace("'", "''"),
        json.dumps({"log": json.dumps({"password": SECRET}, ensure_ascii=False)}, ensure_ascii=False),
        json.dumps(SECRET, ensure_ascii=False).replace("&", r"\u0026"),
        re.sub("%..", lambda code: code[0].lower(), urllib.parse.quote(SECRET)),
    ],
)
def test_a_secret_is_hidden_as_other_programs_quote_it(written: str) -> None:
    assert "***" in Mask([SECRET])(written)


@pytest.mark.parametrize("user", ["a", "ab", "abc", "admin"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_password_is_hidden_in_a_header_of_basic_auth_whatever_the_users_name(user: str, encode: object) -> None:
    header = encode(f"{user}:correct-horse-42".encode()).decode()  # type: ignore[operator]
    shown = Mask(["correct-horse-42"])(f"Authorization: Basic {header}")
    assert "***" in shown
    left = shown.partition("***")[2] + shown.rpartition("Basic ")[2].partition("***")[0]
    assert len(left) < len(header) - 16


def test_each_line_of_a_secret_with_several_is_hidden_by_itself() -> None:
    mask = Mask(["first line of it\nsecond line of it\nx"])
    assert mask("log: second line of it; x") == "log: ***; x"


def test_a_password_in_an_address_is_a_secret_whatever_its_key_says() -> None:
    assert env_secrets({"DATABASE_URL": "postgres://app:s3cr3t-enough@db:5432/app"}) == ["s3cr3t-enough"]


@pytest.mark.parametrize("line_end", ["\n", "\\n", "\r\n", " "])
def test_the_text_of_a_private_key_is_a_secret_with_and_without_its_line_breaks(line_end: str) -> None:
    body = ["b3BlbnNzaC1rZXktdjEAAAAABG5vbmU", "QyNTUxOQAAACDlongEnoughToBeHidden=="]
    text = line_end.join(["-----BEGIN OPENSSH PRIVATE KEY-----", *body, "-----END OPENSSH PRIVATE KEY-----", ""])
    assert key_lines(text) == body
    assert env_secrets({"DEPLOY": text}) == body


@pytest.mark.parametrize("key", ["PGPASS", "SMTP_PASS", "SMTP_PASSWORDS", "GPG_PASSPHRASE", "AWS_CREDENTIALS"])
def test_other_words_for_a_password_count_too(key: str) -> None:
    assert env_secrets({key: "long enough"}) == ["long enough"]


@dataclass(frozen=True)
class Found:
    text: str


def test_values_inside_of_dataclasses_are_hidden_too() -> None:
    assert Mask(["hunter22"]).deep([Found("x hunter22")]) == [{"text": "x ***"}]
