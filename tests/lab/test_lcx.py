"""The host lcx asks for passwords by TLS, scrapes itself with them, and is brought back whatever was made of it."""

from __future__ import annotations

import json

import pytest

from opsbook.lab.docker import script
from opsbook.lab.lab import Lab
from opsbook.lab.projects import credentials
from opsbook.lab.projects.credentials import LOGINS, Login
from opsbook.lab.renew import renew
from opsbook.lab.running import down

PORTS = {"prometheus": 9090, "alertmanager": 9093}
# $1 is the service, $2 its port, $3 the key of its password or a word that is none; the certificate is verified.
ASK = """
cd /opt/lcx
. ./.env
key=$3
curl --config - --silent --output /dev/null --max-time 20 --write-out '%{http_code}' --cacert "certs/$1.crt" <<END
url = "https://localhost:$2/-/healthy"
$([ -z "$key" ] || echo "user = \\"admin:${!key-wrong}\\"")
END
"""
# Everything that a rotation and new certificates change, and services that have it loaded.
MESS = """
cd /opt/lcx
sed --in-place 's/^  admin: .*/  admin: "$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"/' \\
    config/web.yml alertmanager/auth/web.yml
sed --in-place 's/password: .*/password: wrong/' prometheus/prometheus.yml
openssl req -x509 -nodes -newkey rsa:2048 -days 1 -keyout certs/prometheus.key -out certs/prometheus.crt -subj /CN=other 2>/dev/null
rm certs/alertmanager.key
docker compose restart 2>/dev/null
"""
STATE = """
cd /opt/lcx
find . -path ./.git -prune -o -path ./origin.git -prune -o -type f -print0 | sort --zero-terminated | xargs --null sha256sum
find . -path ./.git -prune -o -path ./origin.git -prune -o -printf '%M %U:%G %p\\n' | sort
git status --porcelain
"""


def asked(lab: Lab, login: Login, key: str = "") -> str:
    """Ask a service with the password of a key; return the status."""
    return script(lab.container("lcx"), ASK, login.service, str(PORTS[login.service]), key, user="claude-admin")


def state(lab: Lab) -> str:
    return script(lab.container("lcx"), STATE, user="claude-admin")


@pytest.mark.parametrize("login", LOGINS["lcx"], ids=lambda login: login.service)
def test_a_service_lets_in_its_own_password_only(lcx: Lab, login: Login) -> None:
    assert [asked(lcx, login, key) for key in ("", "NO_SUCH_KEY", f"{login.key}_PASSWORD")] == ["401", "401", "200"]


def test_prometheus_scrapes_both_with_their_passwords_and_has_an_alertmanager(lcx: Lab) -> None:
    assert down(lcx.container("lcx"), "lcx") == ""
    question = ASK.replace("/-/healthy", "/api/v1/alertmanagers").replace("--output /dev/null", "").replace("%{http_code}", "")
    answer = json.loads(script(lcx.container("lcx"), question, "prometheus", "9090", "PROM_PASSWORD", user="claude-admin"))
    assert [one["url"] for one in answer["data"]["activeAlertmanagers"]] == ["https://alertmanager:9093/api/v2/alerts"]


def test_what_was_made_once_is_not_made_again(lcx: Lab) -> None:
    before = state(lcx)
    credentials.seal(lcx.container("lcx"), "lcx")
    assert state(lcx) == before


def test_a_renewed_lcx_has_its_files_back_and_serves_what_they_say(renewed_lcx: Lab) -> None:
    before = state(renewed_lcx)
    script(renewed_lcx.container("lcx"), MESS)
    assert state(renewed_lcx) != before
    renew(renewed_lcx, "lcx")
    assert state(renewed_lcx) == before
    for login in LOGINS["lcx"]:
        assert asked(renewed_lcx, login, f"{login.key}_PASSWORD") == "200"
    assert down(renewed_lcx.container("lcx"), "lcx") == ""
