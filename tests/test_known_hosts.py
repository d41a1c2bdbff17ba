from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opsbook.ssh.known_hosts import HostKey, append, forget, lookup, name_of

KEY = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 one")
OTHER = HostKey("ssh-ed25519", b"\0\0\0\x0bssh-ed25519 two")
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINlLEQD7W1Jy0NtSWLTgTc7W8jBzY0hM1rxn0RpjBqv1 a comment"


def finds(tmp_path: Path, text: str, name: str) -> int:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    return len(lookup([file], name))


def test_a_port_other_than_the_usual_is_part_of_the_name() -> None:
    assert name_of("Web1.Example", 22) == "web1.example"
    assert name_of("10.0.0.1", 2222) == "[10.0.0.1]:2222"


@pytest.mark.parametrize(
    ("patterns", "name", "known"),
    [
        ("web1", "web1", True),
        ("web1", "web10", False),
        ("web1,10.0.0.1", "10.0.0.1", True),
        ("WEB1", "web1", True),
        ("*.example.org", "web1.example.org", True),
        ("*.example.org", "example.org", False),
        ("web?", "web1", True),
        ("web?", "web12", False),
        ("*.example.org,!db.example.org", "db.example.org", False),
        ("[10.0.0.1]:2222", "[10.0.0.1]:2222", True),
        ("[10.0.0.1]:2222", "10.0.0.1", False),
        ("[10.0.0.*]:2222", "[10.0.0.7]:2222", True),
        ("web1.example", "web1xexample", False),
        ("|1|broken", "web1", False),
    ],
)
def test_names_match_as_openssh_matches_them(tmp_path: Path, patterns: str, name: str, known: bool) -> None:
    assert finds(tmp_path, f"{patterns} {LINE}\n", name) == known


def test_hashed_names_are_found_as_ssh_keygen_hashes_them(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"web1 {LINE}\n[web1]:2222 {LINE}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    assert "web1" not in file.read_text()
    assert [known.line for known in lookup([file], "[web1]:2222")] == [2]
    assert lookup([file], "web2") == ()


def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"web1 {LINE}\n")
    listed = subprocess.run(["ssh-keygen", "-lf", file], check=True, capture_output=True, text=True).stdout
    assert lookup([file], "web1")[0].key.fingerprint == listed.split()[1]


def test_lines_that_make_no_sense_are_passed_over(tmp_path: Path) -> None:
    text = f"\n# web1 {LINE}\nweb1\nweb1 ssh-ed25519 %%%\n@cert-authority web1 {LINE}\nweb1 {LINE}\n\xff\n"
    assert finds(tmp_path, text, "web1") == 1


def test_a_revoked_key_is_told_from_a_known_one(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"@revoked web1 {LINE}\n")
    assert [known.revoked for known in lookup([file], "web1")] == [True]


def test_a_file_that_is_missing_knows_nobody(tmp_path: Path) -> None:
    assert lookup([tmp_path / "none"], "web1") == ()


def test_an_appended_key_is_found_by_us_and_by_ssh_keygen(tmp_path: Path) -> None:
    file = tmp_path / "config" / "opsbook" / "known_hosts"
    append(file, "[web1]:2222", KEY)
    assert lookup([file], "[web1]:2222")[0].key == KEY
    assert subprocess.run(["ssh-keygen", "-F", "[web1]:2222", "-f", file], check=False, capture_output=True).returncode == 0


def test_a_last_line_without_its_end_is_not_joined_with_the_next(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"web0 {LINE}")
    append(file, "web1", KEY)
    assert [len(lookup([file], name)) for name in ("web0", "web1")] == [1, 1]


def test_a_forgotten_line_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# mine\nweb0 {LINE}\nweb1 {LINE}\n")
    forget(file, [3])
    assert file.read_text() == f"# mine\nweb0 {LINE}\n"


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: append(file, f"web{number}", OTHER), range(40)))
    assert len(file.read_text().splitlines()) == 40


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "known_hosts", tmp_path / "known_hosts"
    link.symlink_to(real)
    append(link, "web1", KEY)
    assert link.is_symlink()
    assert lookup([real], "web1")
