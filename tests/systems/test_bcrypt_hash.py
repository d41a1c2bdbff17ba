from __future__ import annotations

import pytest

from opsbook.errors import Refused
from opsbook.shell import Secret
from opsbook.systems.bcrypt_hash import algorithm, cost, fits, hashed, is_hash

NEW = Secret("correct horse $taple")
BY_CADDY = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG"     # caddy hash-password: "hiccup", of Caddy's own manual


def test_a_hash_is_as_caddy_writes_it_and_fits_its_password_alone() -> None:
    made = hashed(NEW, 10).value
    assert made.startswith("$2a$10$")
    assert (is_hash(made), cost(made)) == (True, 10)
    assert fits(NEW, made)
    assert not fits(Secret("correct horse"), made)


def test_a_hash_that_caddy_made_is_understood() -> None:
    assert (cost(BY_CADDY), fits(Secret("hiccup"), BY_CADDY)) == (14, True)


def test_a_cheap_hash_is_not_made_again() -> None:
    assert cost(hashed(NEW, 4).value) == 10


@pytest.mark.parametrize("text", ["", "$2a$14", "$2a$14$abc", f" {BY_CADDY}", f"{BY_CADDY}x", "$1$abc$def", "plain"])
def test_what_is_no_whole_hash_fits_nothing(text: str) -> None:
    assert (is_hash(text), cost(text), fits(Secret("hiccup"), text)) == (False, None, False)


@pytest.mark.parametrize(("text", "name"), [
    (BY_CADDY, "bcrypt"), ("$2a$14", "bcrypt"), ("$2", "bcrypt"), ("", "bcrypt"),
    ("$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", "argon2id"), ("$scrypt$ln=16$x$y", "scrypt"),
    ("$6$salt$hash", "6"), ("plain", "unknown"),
])
def test_a_hash_says_by_which_algorithm_it_is_and_what_is_left_of_one_by_bcrypt_does_still(text: str, name: str) -> None:
    assert algorithm(text) == name


def test_a_password_of_which_bcrypt_would_ignore_the_end_is_refused() -> None:
    with pytest.raises(Refused, match="72 bytes"):
        hashed(Secret("ä" * 37), 10)
    assert fits(Secret("ä" * 36), hashed(Secret("ä" * 36), 10).value)
    assert not fits(Secret("x" * 73), hashed(Secret("x" * 72), 10).value)
