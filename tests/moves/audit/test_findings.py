from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from opsbook.inventory import HostEntry
from opsbook.moves.audit.findings import RULES
from opsbook.moves.audit.of_secrets import is_weak
from opsbook.privileged import LOOK, placing
from opsbook.systems.confinement import Confinement, confinement
from opsbook.systems.container import Mount, Port
from opsbook.systems.engine import Engine
from opsbook.systems.files import Stat
from opsbook.systems.root_view import Told
from opsbook.systems.sockets import Socket
from opsbook.systems.sudo import Grant
from tests.moves.audit.hosts import RULES as FILES
from tests.moves.audit.hosts import SSHD, STATUS, WEB, WELL, bad, found, programs, root, the

ALL_ADDRESSES = "0.0.0.0"
PROVISION = placing("serverF")
OPEN = "opsbook open-scrape-ports --enable serverF"


def test_a_host_that_is_well_has_nothing_but_good_and_one_note() -> None:
    told = found()
    assert {one.severity for one in told} == {"ok", "note"}, told
    assert [one.what for one in told if one.severity == "note"] == ["claude-admin is in the group docker, which is as good as root"]


@pytest.mark.parametrize(("asked", "line"), [
    ("sshd", "passwordauthentication"),
    ("sshd_root", "passwordauthentication"),
    ("sshd_admin", "kbdinteractiveauthentication"),
])  # fmt: skip
def test_a_password_that_sshd_would_take_is_bad_for_whomever_it_is(asked: str, line: str) -> None:
    one = the("bad", "sshd is told to let people in by password", root=root(**{asked: SSHD.replace(f"{line} no", f"{line} yes")}))
    assert (one.next, "yes, for" in one.evidence) == (PROVISION, True)


def test_a_setting_that_sshd_does_not_tell_counts_as_its_default() -> None:
    assert "sshd is told to let people in by password" in bad(root=root(sshd=SSHD.replace("passwordauthentication no\n", "")))


def test_a_password_that_is_offered_is_bad_whatever_the_settings_say() -> None:
    one = the("bad", "sshd lets people in by password", offered=("publickey", "password"))
    assert one.evidence == "it offers publickey, password"


@pytest.mark.parametrize(("value", "severity"), [("yes", "bad"), ("prohibit-password", "warn"), ("without-password", "warn")])
def test_a_root_who_may_log_in_is_bad_and_with_a_key_a_warning(value: str, severity: str) -> None:
    one = the(severity, "root may log in", root=root(sshd_root=SSHD.replace("permitrootlogin no", f"permitrootlogin {value}")))
    assert (one.evidence, one.next) == (f"PermitRootLogin {value}", PROVISION)


@pytest.mark.parametrize(("status", "says"), [
    ("Status: inactive\n", "the firewall is off"),
    (STATUS.replace("deny (incoming)", "allow (incoming)"), "the firewall lets in what no rule speaks of"),
])  # fmt: skip
def test_a_firewall_that_refuses_nothing_is_bad(status: str, says: str) -> None:
    assert the("bad", says, root=root(ufw=status)).next == OPEN


def test_a_firewall_that_leaves_ipv6_alone_is_bad() -> None:
    assert bad(ufw_defaults="IPV6=no\n") == ["the firewall leaves IPv6 alone"]


def test_with_the_firewall_off_every_listener_is_the_worlds() -> None:
    one = the("bad", "programs listen where everybody reaches them", root=root(ufw="Status: inactive\n"))
    assert (one.evidence, one.next) == ("tcp 9100 (node_exporter)\nudp 68", f"{OPEN}    (or stop them)")


@pytest.mark.parametrize("rule", [
    "### tuple ### allow tcp 9999 0.0.0.0/0 any 0.0.0.0/0 in",
    "### tuple ### allow any 9990:9999 0.0.0.0/0 any 0.0.0.0/0 in",
    "### tuple ### allow tcp 9999 ::/0 any ::/0 in",
    "### tuple ### limit tcp 9999 0.0.0.0/0 any 0.0.0.0/0 in",
])  # fmt: skip
def test_a_port_that_a_rule_opens_to_everybody_is_bad_if_something_listens_there(rule: str) -> None:
    told = root(rule_files=f"{FILES}{rule}\n")
    one = the("bad", "programs listen where everybody reaches them", root=told, sockets=(*(WELL.sockets or ()), Socket(9999)))
    assert (one.evidence, one.next) == ("tcp 9999 (python3)", "opsbook open-scrape-ports serverF    (or stop them)")
    assert bad(root=told) == []


def test_a_port_that_is_open_to_one_address_or_denied_before_is_not_the_worlds() -> None:
    assert bad(sockets=(Socket(9100),)) == []
    denied = "### tuple ### deny tcp 9999 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### allow tcp 9999 0.0.0.0/0 any 0.0.0.0/0 in\n"
    assert bad(root=root(rule_files=FILES + denied), sockets=(Socket(9999),)) == []


def test_a_udp_port_is_judged_by_the_rules_for_udp() -> None:
    opened = "### tuple ### allow udp 53 0.0.0.0/0 any 0.0.0.0/0 in\n"
    assert bad(root=root(rule_files=FILES + opened), sockets=(Socket(53, protocol="udp"),)) != []
    assert bad(root=root(rule_files=FILES + opened.replace("udp", "tcp")), sockets=(Socket(53, protocol="udp"),)) == []


def test_ssh_on_another_port_is_still_ssh() -> None:
    moved = root(sshd=SSHD.replace(":22", ":2222"), rule_files=FILES.replace("tcp 22 ", "tcp 2222 "))
    assert bad(root=moved, sockets=(Socket(2222),)) == []


@pytest.mark.parametrize("address", ["", ALL_ADDRESSES, "203.0.113.6", "::"])
def test_a_port_that_docker_publishes_goes_around_the_firewall(address: str) -> None:
    one = the("bad", "Docker publishes ports around the firewall", containers=(replace(WEB, ports=(Port(9090, 9090, address),)),))
    assert "monitoring-web-1" in one.evidence
    assert one.next.startswith('ports: ["127.0.0.1:9090:9090"] in the Compose file')


def test_web_ports_may_be_published_and_others_where_our_rules_stand_before_docker() -> None:
    assert bad(containers=(replace(WEB, ports=(Port(443, 443), Port(80, 80))),)) == []
    rules = "-A DOCKER-USER -j OPSBOOK-DOCKER\n"
    rules += "-A OPSBOOK-DOCKER -s 203.0.113.5/32 -p tcp -m conntrack --ctorigdstport 9090 --ctdir ORIGINAL -j RETURN\n"
    assert bad(containers=(replace(WEB, ports=(Port(9090, 9090),)),), root=root(docker_user=rules)) == []
    assert bad(containers=(replace(WEB, ports=(Port(9091, 9091),)),), root=root(docker_user=rules)) != []


def test_an_old_engine_shows_loopback_to_its_neighbours() -> None:
    assert "27.5.1" in the("note", "neighbours on the same wire", engine=Engine("27.5.1", "overlay2", "/var/lib/docker")).evidence


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_an_env_that_others_may_read_is_bad(mode: int) -> None:
    one = the("bad", "others may read /opt/monitoring/.env", env=Stat(mode, "claude-admin", "claude-admin", 1, 0, "regular file"))
    assert one.next == "ssh serverF chmod 0600 /opt/monitoring/.env"


def test_a_stack_without_an_env_is_asked_where_its_secrets_are() -> None:
    the("warn", "there is no /opt/monitoring/.env", env=None, env_text=None)
    assert bad(env=None, env_text=None) == []


def test_default_passwords_are_named_and_never_shown() -> None:
    loose = replace(WEB, env={"GF_SECURITY_ADMIN_PASSWORD": "admin"})
    one = the("bad", "everybody knows", env_text="SMTP_PASSWORD=changeme\n", containers=(loose,))
    assert one.evidence == "GF_SECURITY_ADMIN_PASSWORD of the container monitoring-web-1\nSMTP_PASSWORD in .env"
    assert "changeme" not in str(one)


def test_a_grafana_that_takes_its_first_password_is_bad_though_no_file_says_so() -> None:
    assert the("bad", "everybody knows", grafana=200).evidence == "Grafana lets admin in with the password admin"


@pytest.mark.parametrize(("name", "value", "weak"), [
    ("GRAFANA_ADMIN_PASSWORD", "Admin", True),
    ("WASABI_SECRET_KEY", "your-secret-key", True),
    ("SMTP_PASSWORD", "<password>", True),
    ("SMTP_PASSWORD", "correct horse battery staple", False),
    ("SMTP_PASSWORD", "", False),
    ("GF_SECURITY_ADMIN_PASSWORD__FILE", "/run/secrets/admin", False),
    ("SMTP_USER", "admin", False),
])  # fmt: skip
def test_what_everybody_knows(name: str, value: str, *, weak: bool) -> None:
    assert is_weak(name, value) is weak


@pytest.mark.parametrize(("grant", "severity"), [
    (Grant("ALL", "ALL", password=False), "bad"),
    (Grant("root", "/usr/bin/systemctl", password=False), "bad"),
    (Grant("root", "/usr/sbin/ufw status verbose", password=False), "warn"),
])  # fmt: skip
def test_a_right_of_sudo_beyond_the_programs_is_told(grant: Grant, severity: str) -> None:
    assert grant.command in the(severity, "sudo ", grants=(*(WELL.grants or ()), grant)).evidence


def test_a_right_that_asks_for_a_password_is_none() -> None:
    assert bad(grants=(Grant("ALL", "ALL", password=True),)) == []


@pytest.mark.parametrize("line", ["644 root root 01 /etc/sudoers.d/opsbook", "440 claude-admin root 01 /etc/sudoers.d/opsbook"])
def test_files_of_sudo_that_are_not_roots_alone_are_bad(line: str) -> None:
    assert "/etc/sudoers.d/opsbook" in the("bad", "files of sudo", root=root(sudoers=f"{line}\n")).evidence


@pytest.mark.parametrize(("text", "says"), [
    (programs().replace(LOOK.sha256, "0" * 64), "another text"),
    (programs().replace(f"755 root root {LOOK.sha256}", f"777 root root {LOOK.sha256}"), "root:root 0777"),
    ("".join(line for line in programs().splitlines(keepends=True) if LOOK.path not in line), "missing"),
    (f"{programs()}755 root root 01 /usr/local/sbin/opsbook-shell\n", "not one of ours"),
])  # fmt: skip
def test_programs_for_roots_part_that_are_not_ours_are_bad(text: str, says: str) -> None:
    one = the("bad", "programs that run as root", root=root(programs=text))
    assert (says in one.evidence, one.next) == (True, PROVISION)


def test_the_group_docker_is_bad_where_no_docker_is_meant() -> None:
    entry = HostEntry("serverF", user="claude-admin", roles=("node",))
    assert bad(entry=entry, containers=None) == ["claude-admin is in the group docker, which is as good as root"]


@pytest.mark.parametrize(("change", "says"), [
    ({"confined": Confinement(drops_all=True, no_new_privileges=True)}, "write to their root file system"),
    ({"confined": Confinement(read_only=True, no_new_privileges=True)}, "keep capabilities"),
    ({"confined": Confinement(read_only=True, drops_all=True)}, "may gain privileges"),
    ({"user": "root"}, "run as root"),
    ({"user": "0:0"}, "run as root"),
])  # fmt: skip
def test_a_container_that_may_do_more_than_it_needs_is_named(change: dict[str, Any], says: str) -> None:
    one = the("warn", f"containers {says}", containers=(replace(WEB, **change), WEB))
    assert (one.evidence, "in the Compose file" in one.next) == ("1 of 2: monitoring-web-1", True)


@pytest.mark.parametrize("change", [
    {"confined": replace(WEB.confined, privileged=True)},
    {"mounts": (Mount("bind", "/var/run/docker.sock", "/var/run/docker.sock"),)},
    {"mounts": (Mount("bind", "/", "/host"),)},
])  # fmt: skip
def test_a_container_that_is_root_on_the_host_is_told_and_our_cadvisor_as_a_note(change: dict[str, Any]) -> None:
    mighty = replace(WEB, **change)
    the("warn", "monitoring-web-1 is as good as root", containers=(mighty,))
    the("note", "cadvisor is as good as root", containers=(replace(mighty, name="cadvisor", labels={"opsbook.settings": "01"}),))


@pytest.mark.parametrize(("image", "loose"), [
    ("prom/prometheus:latest", True), ("prom/prometheus", True), ("nginx", True), ("registry.example:5000/web", True),
    ("prom/prometheus:v3.5.0", False), (f"prom/prometheus@sha256:{64 * '0'}", False), (f"sha256:{64 * '0'}", False),
])  # fmt: skip
def test_an_image_without_a_version_is_a_warning(image: str, *, loose: bool) -> None:
    told = [one.evidence for one in found(containers=(replace(WEB, image=image),)) if one.what == "images are not pinned"]
    assert told == ([image] if loose else [])


def test_an_image_that_compose_builds_is_pulled_from_nowhere() -> None:
    labels = {"com.docker.compose.project": "monitoring", "com.docker.compose.service": "web"}
    assert "images are not pinned" not in {one.what for one in found(containers=(replace(WEB, image="monitoring-web", labels=labels),))}


def test_without_the_program_that_tells_what_root_may_read_every_such_point_is_bad() -> None:
    told = bad(root=None, why={"root": "sudo: a password is required"})
    assert told[0] == "what only root may read was not told"
    points = ("keys only", "root may log in", "firewall is on", "everybody reaches", "sudo's files", "programs for root's part")
    for point in points:
        assert any(one.startswith("not judged") and point in one for one in told), point


def test_without_root_what_can_be_judged_is_judged_all_the_same() -> None:
    blind = {"root": None, "why": {"root": "sudo: a password is required"}}
    assert "the firewall is off" in bad(**blind, ufw_conf="ENABLED=no\n")
    assert "sshd lets people in by password" in bad(**blind, offered=("publickey", "keyboard-interactive"))
    assert "Docker publishes ports around the firewall" in bad(**blind, containers=(replace(WEB, ports=(Port(9090, 9090),)),))


@pytest.mark.parametrize("name", ["offered", "sockets", "ufw_defaults", "containers", "env", "env_text", "grants"])
def test_a_question_without_an_answer_is_never_green(name: str) -> None:
    told = the("bad", "not judged", **{name: None}, why={name: "it hangs"}) if name not in {"containers"} else None
    assert told is None or (told.evidence, told.next) == ("it hangs", "opsbook doctor serverF")
    assert any(one.startswith("not judged") for one in bad(**{name: None}, why={name: "it hangs"}))


@pytest.mark.parametrize("name", ["ufw", "rule_files", "sshd", "sshd_root", "sudoers", "programs"])
def test_what_the_program_could_not_read_is_never_green(name: str) -> None:
    told = [one for one in found(root=root(**{name: Told(1, "no such thing\n")})) if one.what.startswith("not judged")]
    assert told
    assert all("no such thing" in one.evidence and one.next == PROVISION for one in told)


def test_every_rule_says_something_good_of_a_host_that_is_well_or_has_nothing_to_say() -> None:
    silent = {rule.__name__ for rule in RULES if not list(rule(WELL))}
    assert silent == {"mighty"}


def test_a_plain_server_is_not_asked_for_containers_and_secrets() -> None:
    entry = HostEntry("serverA", user="claude-admin", roles=("node",))
    told = found(entry=entry, groups=("claude-admin",), containers=None, engine=None, env=None, env_text=None)
    assert {one.severity for one in told} == {"ok"}, told


def test_confinement_is_read_as_docker_tells_it() -> None:
    raw = {"ReadonlyRootfs": True, "CapDrop": ["all"], "SecurityOpt": ["no-new-privileges:true"], "Privileged": True}
    assert confinement(raw) == Confinement(read_only=True, drops_all=True, no_new_privileges=True, privileged=True)
    assert confinement({"CapDrop": None, "SecurityOpt": ["no-new-privileges:false", "seccomp=unconfined"]}) == Confinement()
    assert confinement({"SecurityOpt": ["no-new-privileges"]}).no_new_privileges
