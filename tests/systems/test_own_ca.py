from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsbook.host import Read, Result
from opsbook.shell import Command, prefixed
from opsbook.systems import own_ca
from opsbook.systems.own_ca import Certificate, Pair, is_name
from tests.local_talk import LocalHost

NAMES = ("prometheus", "monitoring-prometheus-1", "localhost", "127.0.0.1", "::1")
DAY = 86400


@pytest.fixture
def here(tmp_path: Path) -> LocalHost:
    (tmp_path / "home").mkdir()
    (tmp_path / "certs").mkdir()
    return LocalHost(tmp_path)


def asked(here: LocalHost, question: Read[object]) -> object:
    assert isinstance(question.ask, Command)
    return question.parse(here.run(question.ask))


def pair(here: LocalHost, name: str, *more: str) -> Pair:
    return Pair(f"{here.folder}/certs/{name}.crt", f"{here.folder}/certs/{name}.key", (name, *more))


def made(here: LocalHost, *pairs: Pair, may_sign: tuple[str, ...] = NAMES, days: int = 365) -> Result:
    paths = [path for one in pairs for path in (one.cert, one.key)]
    ca = f"{here.folder}/ca"
    done = here.write(own_ca.issue(ca, "opsbook test", pairs, days, may_sign=may_sign))
    assert done.code == 0, done.err
    return here.write(own_ca.swap([*paths, f"{ca}/ca.crt", f"{ca}/ca.key", f"{here.folder}/certs/ca.crt"]))


def seen(here: LocalHost, *pairs: Pair) -> dict[str, Certificate]:
    ca = f"{here.folder}/ca/ca.crt"
    found = asked(here, own_ca.inspect(ca, [(ca, f"{here.folder}/ca/ca.key"), *((one.cert, one.key) for one in pairs)]))
    assert isinstance(found, dict)
    return found


def test_a_ca_signs_certificates_with_the_names_and_the_time_that_are_asked_for(here: LocalHost) -> None:
    one = pair(here, *NAMES)
    assert made(here, one).code == 0
    found = seen(here, one)
    cert, ca = found[one.cert], found[f"{here.folder}/ca/ca.crt"]
    assert (cert.names, cert.verifies, cert.ours) == (frozenset(NAMES), True, True)
    assert cert.ends - cert.starts == 365 * DAY
    assert abs(cert.starts - time.time()) < 600
    assert (ca.may_sign, ca.verifies) == (frozenset(NAMES), True)


def test_keys_are_for_their_owner_alone_and_nothing_is_left_beside_them(here: LocalHost) -> None:
    one = pair(here, *NAMES)
    made(here, one)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (here.folder / "certs").iterdir()}
    assert modes == {"prometheus.crt": 0o644, "prometheus.key": 0o400, "ca.crt": 0o644}
    assert (here.folder / "ca/ca.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (here.folder / "ca").iterdir()) == ["ca.crt", "ca.key"]


def test_a_ca_cannot_sign_for_other_names_than_its_own(here: LocalHost) -> None:
    other = pair(here, "grafana")
    made(here, other, may_sign=NAMES)
    assert not seen(here, other)[other.cert].verifies


def test_a_second_time_the_ca_stays_and_the_old_files_are_kept_until_they_are_wanted_back(here: LocalHost) -> None:
    one = pair(here, *NAMES)
    made(here, one)
    before = {path: path.read_bytes() for path in (here.folder / "certs").iterdir()}
    ca = (here.folder / "ca/ca.crt").read_bytes()
    made(here, one, may_sign=())
    assert (here.folder / "ca/ca.crt").read_bytes() == ca
    assert seen(here, one)[one.cert].verifies
    assert Path(one.key).read_bytes() != before[Path(one.key)]
    there = [str(path) for path in before]
    for _ in range(2):
        assert here.write(own_ca.put_back(there, [])).code == 0
        assert {path: path.read_bytes() for path in before} == before


def test_what_was_not_there_before_is_gone_after_it_is_put_back(here: LocalHost) -> None:
    one = pair(here, *NAMES)
    made(here, one)
    assert here.write(own_ca.put_back([], [one.cert, one.key, f"{here.folder}/certs/ca.crt"])).code == 0
    assert [path.name for path in (here.folder / "certs").iterdir() if path.name != ".opsbook-before"] == []


def test_a_swap_that_was_cut_off_goes_on_and_keeps_the_oldest(here: LocalHost) -> None:
    one = pair(here, *NAMES)
    Path(one.cert).write_text("old")
    Path(one.key).write_text("old key")
    here.write(own_ca.issue(f"{here.folder}/ca", "opsbook test", [one], 9, may_sign=NAMES))
    kept = here.folder / "certs/.opsbook-before"
    kept.mkdir()
    Path(one.cert).rename(kept / "prometheus.crt")      # and here it was cut off
    for _ in range(2):
        here.write(own_ca.swap([one.cert, one.key]))
    assert (kept / "prometheus.crt").read_text() == "old"
    assert (kept / "prometheus.key").read_text() == "old key"
    assert seen(here, one)[one.cert].ends


def test_what_is_missing_or_no_certificate_is_told_as_such(here: LocalHost) -> None:
    one, other = pair(here, "a"), pair(here, "b")
    Path(one.cert).write_text("no certificate")
    Path(one.key).write_text("no key")
    found = seen(here, one, other)
    assert (found[one.cert].ends, found[one.cert].verifies) == (0, False)
    key = found[one.cert].key
    assert key is not None
    assert key.uid == os.getuid()
    assert found[other.cert].key is None


def test_a_host_without_openssl_says_so(here: LocalHost) -> None:
    bare = here.folder / "bin"
    bare.mkdir()
    (bare / "bash").symlink_to("/bin/bash")
    question = own_ca.inspect("", [])
    assert isinstance(question.ask, Command)
    done = here.run(prefixed(question.ask, "env", f"PATH={bare}"))
    assert (done.code, done.err) == (69, "the host has no openssl\n")


@pytest.mark.parametrize(("name", "good"), [("a.example", True), ("*.a.example", True), ("::1", True), ("a,DNS:b", False), ("", False)])
def test_only_names_that_are_names_come_near_openssl(name: str, good: bool) -> None:
    assert is_name(name) is good


@pytest.fixture
def served(here: LocalHost) -> Iterator[int]:
    """A server with a certificate of ours, at a port that nobody else has."""
    one = pair(here, *NAMES)
    made(here, one)
    words = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", one.cert, "-key", one.key, "-www"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield next(int(line.rpartition(":")[2]) for line in process.stdout if line.startswith("ACCEPT "))
        process.kill()


def test_a_handshake_verifies_by_the_name_and_against_our_ca_alone(here: LocalHost, served: int) -> None:
    ca, names = f"{here.folder}/ca/ca.crt", ("localhost", "127.0.0.1", "elsewhere")
    shown = asked(here, own_ca.handshakes(ca, [("127.0.0.1", served, name) for name in names]))
    assert isinstance(shown, tuple)
    found = {one.name: one for one in shown}
    assert {name: one.verified for name, one in found.items()} == {"localhost": True, "127.0.0.1": True, "elsewhere": False}
    assert "mismatch" in found["elsewhere"].why.lower()
    assert found["localhost"].fingerprint == seen(here, pair(here, *NAMES))[pair(here, *NAMES).cert].fingerprint
    made(here, pair(here, *NAMES))      # another CA
    (other,) = asked(here, own_ca.handshakes(ca, [("127.0.0.1", served, "localhost")]))     # type: ignore[misc]
    assert not other.verified
    (looked,) = asked(here, own_ca.handshakes("", [("127.0.0.1", served, "localhost")]))    # type: ignore[misc]
    assert (looked.verified, looked.fingerprint) == (True, found["localhost"].fingerprint)


def test_a_port_where_nobody_listens_says_so(here: LocalHost) -> None:
    (found,) = asked(here, own_ca.handshakes("", [("127.0.0.1", 1, "localhost")]))      # type: ignore[misc]
    assert (found.verified, found.fingerprint) == (False, "")
    assert "efused" in found.why or "errno" in found.why


def test_people_are_shown_which_certificates_are_made_and_for_which_names() -> None:
    pair = Pair("/opt/lcx/certs/a.crt", "/opt/lcx/certs/a.key", ("a.lan", "10.0.0.1"))
    assert str(own_ca.issue("/home/x/ca", "lcx", [pair], 365, may_sign=["a.lan", "10.0.0.1"]).do) == (
        "openssl, for 3650 days: /home/x/ca/ca.crt, which may sign for a.lan, 10.0.0.1; "
        "openssl, for 365 days: /opt/lcx/certs/a.crt for a.lan, 10.0.0.1"
    )
    assert str(own_ca.swap([pair.cert, pair.key]).do) == "mv from .opsbook-new: /opt/lcx/certs/a.crt, /opt/lcx/certs/a.key"
