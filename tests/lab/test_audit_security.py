from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.renew import renew
from tests.lab.process import opsbook
from tests.lab.server_state import server_state

HOST = "serverB"
LOOSEN = """
echo 'PasswordAuthentication yes' > /etc/ssh/sshd_config.d/00-a.conf
echo 'PermitRootLogin yes' >> /etc/ssh/sshd_config.d/00-a.conf
systemctl reload-or-restart ssh
ufw allow 9999/tcp >/dev/null
systemd-run --quiet --unit=opsbook-loose --socket-property=ListenStream=9999 /bin/true
chmod 0644 /etc/sudoers.d/opsbook
echo 'claude-admin ALL=(root) NOPASSWD: /usr/bin/systemctl' > /etc/sudoers.d/more && chmod 0440 /etc/sudoers.d/more
echo '# changed' >> /usr/local/sbin/opsbook-units
docker run --detach --name=loose --publish=9998:8080 --privileged --env=ADMIN_PASSWORD=changeme \
    --volume=/var/run:/var/run ghcr.io/google/cadvisor:v0.60.5
"""
FOUND = {
    "sshd lets people in by password": "provision-host serverB --as root",
    "root may log in": "provision-host serverB --as root",
    "programs listen where everybody reaches them": "open-scrape-ports serverB",
    "Docker publishes ports around the firewall": 'ports: ["127.0.0.1:9998:8080"]',
    "passwords are those that everybody knows": "new ones",
    "sudo makes claude-admin root": "provision-host serverB --as root",
    "files of sudo are not root's alone": "chmod 0440",
    "programs that run as root are not those of this opsbook": "provision-host serverB --as root",
}


@pytest.fixture
def server(servers: Lab) -> Iterator[Lab]:
    """A server as it was made, and afterwards again."""
    renew(servers, HOST)
    yield servers
    renew(servers, HOST)


def audited(*words: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Return the exit code and what is bad, by what it is."""
    ran = opsbook("--lab", "audit-security", *words, "--json")
    (one,) = json.loads(ran.out)["hosts"]
    return ran.code, {each["what"]: each for each in one["answer"]["findings"] if each["severity"] == "bad"}


def test_a_server_that_is_well_is_green_and_stays_as_it_is(server: Lab) -> None:
    before = server_state(server, HOST)
    assert audited(HOST) == (0, {})
    assert server_state(server, HOST) == before


def test_what_is_loose_is_found_with_its_evidence_and_what_mends_it(server: Lab) -> None:
    script(server.container(HOST), LOOSEN)
    code, bad = audited(HOST)
    assert (code, set(bad)) == (10, set(FOUND)), bad
    for what, remedy in FOUND.items():
        assert remedy in bad[what]["next"], bad[what]
    assert "tcp 9999 (systemd)" in bad["programs listen where everybody reaches them"]["evidence"]
    assert "loose: every address port 9998/tcp" in bad["Docker publishes ports around the firewall"]["evidence"]
    assert bad["passwords are those that everybody knows"]["evidence"] == "ADMIN_PASSWORD of the container loose"
    script(server.container(HOST), "ufw disable >/dev/null")
    assert audited(HOST)[1]["the firewall is off"]["next"].endswith("open-scrape-ports --enable serverB")


def test_a_server_that_tells_nothing_of_roots_is_not_green_on_any_of_it(server: Lab) -> None:
    script(server.container(HOST), "rm /usr/local/sbin/opsbook-look")
    code, bad = audited(HOST)
    assert (code, "what only root may read was not told" in bad) == (10, True)
    assert sum(what.startswith("not judged: ") for what in bad) == 6, list(bad)


def test_the_scrapers_stack_has_an_env_of_its_own_to_be_judged(servers: Lab) -> None:
    renew(servers, "serverF")
    secret = "/opt/monitoring/.env"
    script(servers.container("serverF"), f"touch {secret}; chown claude-admin: {secret}; chmod 0600 {secret}")
    assert not [what for what in audited("serverF")[1] if ".env" in what]
    script(servers.container("serverF"), f"chmod 0644 {secret}")
    assert f"others may read {secret}" in audited("serverF")[1]
    renew(servers, "serverF")
