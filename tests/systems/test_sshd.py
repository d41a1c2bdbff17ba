from __future__ import annotations

import pytest

from opsbook.host import Result
from opsbook.systems.sshd import CLOSED, FILE, FOLDER, MAIN, TEXT, client, obstacles, open_ways, parse_settings

INCLUDE = f"{MAIN}:12:Include {FOLDER}/*.conf"


def test_our_file_closes_what_is_to_be_closed() -> None:
    assert parse_settings("\n".join(line.lower() for line in TEXT.splitlines() if line[0] != "#")) == {
        name.lower(): value for name, value in CLOSED.items()
    }


def test_of_a_setting_that_comes_several_times_the_first_counts() -> None:
    assert parse_settings("port 22\nlistenaddress 0.0.0.0:22\nlistenaddress [::]:22\n")["listenaddress"] == "0.0.0.0:22"


def test_what_sshd_does_not_tell_counts_as_open() -> None:
    assert open_ways({"passwordauthentication": "no", "permitrootlogin": "prohibit-password"}) == (
        "KbdInteractiveAuthentication (not told)",
        "PermitRootLogin prohibit-password",
    )
    assert open_ways({name.lower(): "no" for name in CLOSED}) == ()


@pytest.mark.parametrize(
    ("lines", "winning"),
    [
        ([INCLUDE, f"{FOLDER}/50-cloud-init.conf:1:PasswordAuthentication yes", f"{MAIN}:60:PermitRootLogin yes"], []),
        ([INCLUDE, f"{FOLDER}/00-a.conf:1:PasswordAuthentication yes"], [f"{FOLDER}/00-a.conf:1: passwordauthentication yes"]),
        ([INCLUDE, f"{FOLDER}/00-a.conf:1:PasswordAuthentication no"], []),
        ([f"{MAIN}:3:permitrootlogin yes", INCLUDE], [f"{MAIN}:3: permitrootlogin yes"]),
        ([INCLUDE, f"{MAIN}:70:Match User backup", f"{MAIN}:71:  PasswordAuthentication=yes"], [f"{MAIN}:71: passwordauthentication yes"]),
        (
            [INCLUDE, f"{FOLDER}/90-x.conf:1:Match all", f"{FOLDER}/90-x.conf:2:\tChallengeResponseAuthentication yes"],
            [f"{FOLDER}/90-x.conf:2: challengeresponseauthentication yes"],
        ),
        ([INCLUDE, f"{FOLDER}/90-x.conf:1:Match all", f"{FOLDER}/91-y.conf:1:PasswordAuthentication yes"], []),
        ([INCLUDE, f"{FILE}:2:PasswordAuthentication no"], []),
    ],
)
def test_only_an_earlier_line_or_one_in_a_match_block_wins_over_ours(lines: list[str], winning: list[str]) -> None:
    assert obstacles("\n".join(lines)) == tuple(winning)


def test_a_folder_that_is_not_included_is_an_obstacle_of_its_own() -> None:
    (said,) = obstacles(f"{MAIN}:1:Include /etc/ssh/other/*.conf")
    assert said == f"{MAIN} does not include {FOLDER}/*.conf, so nothing in that folder counts"


def test_the_address_that_we_come_from_is_one() -> None:
    assert client().parse(Result(0, "2001:db8::1")) == "2001:db8::1"
    with pytest.raises(ValueError, match="no address"):
        client().parse(Result(0, ""))
