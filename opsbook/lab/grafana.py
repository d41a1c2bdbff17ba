"""The stack's Grafana as it was first brought up: its database keeps what neither the checkout nor `.env` knows."""

from __future__ import annotations

from opsbook.lab.docker import script
from opsbook.lab.stack import DIRECTORY, UP_WITHIN

VOLUME = "monitoring_grafana_data"
# It is as it was where it is the container that was left here, nobody logged in wrongly (five such logins lock everybody out),
# and the password of `.env` opens it. Else it gets an empty volume, and the password with it.
RENEW = """
cd "$1"
mark=/var/lib/opsbook-lab/grafana
password=$(sed --quiet 's/^GRAFANA_ADMIN_PASSWORD=//p' .env)
opens() {
    printf 'url = "http://127.0.0.1:3000/api/user"\\nuser = "admin:%s"\\n' "$password" |
        curl --config - --fail --silent --output /dev/null --max-time 10
}
container=$(docker compose ps --all --quiet grafana)
if [ "$container" ] && [ "$container" = "$(cat "$mark" 2>/dev/null)" ] &&
    ! docker logs "$container" 2>&1 | grep 'Failed to authenticate' >/dev/null && opens; then exit; fi
docker compose rm --stop --force grafana
docker volume rm --force "$2"
docker compose up --detach --no-deps --wait --wait-timeout 60 grafana
mkdir -p "${mark%/*}"
docker compose ps --all --quiet grafana > "$mark"
"""


def renewed(name: str) -> None:
    """Bring Grafana back, unless it is as it was."""
    script(name, RENEW, DIRECTORY, VOLUME, within=UP_WITHIN)
